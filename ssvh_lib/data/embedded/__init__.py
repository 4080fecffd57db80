"""The embedded datasets: a generator of videos, its domains, and the frozen CNN that turns frames into features."""
