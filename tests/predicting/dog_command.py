"""Run `ecomcat.predict` as a process of its own, with a classifier in place of a model.

With ECOMCAT_TEST_SLOWLY in the environment it takes a while over each batch.
"""

from __future__ import annotations

import os
import time

from dog_classifier import DogOrCat, replaced_model

from ecomcat import predict


class SlowDogOrCat(DogOrCat):
    """The same, slow enough to be interrupted."""

    def answers(self, texts):
        if "ECOMCAT_TEST_SLOWLY" in os.environ:
            time.sleep(0.05)
        return super().answers(texts)


if __name__ == "__main__":
    with replaced_model(SlowDogOrCat()):
        predict.main()
