"""From a printed number to the bytes it came from: ``python -m ood.audit show | verify``.

``show`` tells where a number comes from; ``verify`` finds what is not as the records say, in three levels: (a) the
records, the files and the sources of today, (b) every number again from the scores, (c) scores again from the images.
"""
