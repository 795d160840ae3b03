"""A worker that asks one question: ``python -m tests.tasks.models.caller NUMBER``. It is meant to be killed."""

import sys

from archdb import get_campaign, open_store
from tests.tasks.models.test_storm import put

if __name__ == "__main__":
    store = open_store()
    print(put(store, get_campaign(store, "t"), int(sys.argv[1])).model_dump_json())
