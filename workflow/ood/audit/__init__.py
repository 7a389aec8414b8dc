"""From a printed number to the bytes it came from: ``python -m ood.audit <command>``.

* ``show`` tells where a number comes from.
* ``verify`` finds what is not as the records say, in three levels: (a) the records, the files and the sources of today,
  (b) every number again from the scores, (c) scores again from the images.
* ``diff`` compares the numbers of two runs and names what made them differ.
* ``export`` writes a run with its records as one file, from which it can be verified elsewhere.
* ``release`` keeps such a file in results/released, if it is as its records say; ``released`` verifies all of them.
"""
