"""Tables, figures and verdicts: pure functions of the records of runs."""
