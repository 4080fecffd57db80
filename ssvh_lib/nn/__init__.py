"""Networks and their parts: layers, encoders, backbones and the learning-rate schedules."""
