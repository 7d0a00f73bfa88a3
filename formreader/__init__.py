"""Turn folders of scanned paper forms into spreadsheets."""
