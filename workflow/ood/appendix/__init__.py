"""What people read: notebooks, the networks' page, the PDF."""
