"""Arguments of wrong types are refused in a sentence, by one harness for all public functions.

The calls run in a process of their own: the session of the tests checks annotations, and would
refuse such arguments before the package does.
"""

import json
import subprocess
import sys
from collections.abc import Sequence

_CALLS = """
import json, sys
import glmmjax as gj

setup, calls = json.load(sys.stdin)
names = {"gj": gj}
exec(setup, names)
ends = []
for call in calls:
    try:
        eval(call, names)
    except Exception as error:
        ends.append([type(error).__name__, str(error)])
    else:
        ends.append(["nothing was raised", ""])
json.dump(ends, sys.stdout)
"""


def assert_refused(setup: str, calls: Sequence[str]) -> None:
    """After `setup`, which may use `gj`, each of the expressions `calls` raises `ModelError` with
    one line of text."""
    done = subprocess.run(
        [sys.executable, "-c", _CALLS],
        input=json.dumps([setup, list(calls)]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ends = dict(zip(calls, json.loads(done.stdout), strict=True))
    others = {
        call: end
        for call, end in ends.items()
        if end[0] != "ModelError" or not end[1] or "\n" in end[1]
    }
    assert not others, others
