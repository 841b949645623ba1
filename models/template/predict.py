"""A model that works: replace what setup() loads and what predict() computes."""

import numpy as np
from cog import BasePredictor, Input


class Predictor(BasePredictor):
    """Weighs numbers."""

    def setup(self) -> None:
        """Load what every prediction needs; this runs once, before the first one."""
        self.weights = np.array([0.5, 0.25, 0.25])

    def predict(
        self,
        numbers: list[float] = Input(description="three numbers"),
        scale: float = Input(description="what the result is multiplied with", default=1.0, ge=0),
    ) -> float:
        """Answer one request."""
        return float(np.dot(self.weights, np.array(numbers)) * scale)
