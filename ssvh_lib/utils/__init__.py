"""What every package may use: files written whole, devices, processes measured alone, fingerprints of code."""
