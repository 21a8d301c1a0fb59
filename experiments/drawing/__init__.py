"""What the drawn faces were made by: their signals fitted, their strength beside people's."""
