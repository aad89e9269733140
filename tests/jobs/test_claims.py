"""Claims: one at a time, free when their owner is gone."""

import multiprocessing
import os
import subprocess
import sys
import time

from reliefscope.jobs.claims import claimed


def test_one_at_a_time_and_free_afterwards(tmp_path):
    """Held: nobody else gets it; another name is another claim; given up: the next one gets it."""
    with claimed(tmp_path, "a") as first, claimed(tmp_path, "a") as second:
        assert (first, second) == (True, False)
        with claimed(tmp_path, "b") as other:
            assert other
    with claimed(tmp_path, "a") as again:
        assert again
    assert list(tmp_path.glob("*.claim")) == []


def test_a_dead_process_of_this_machine_holds_nothing(tmp_path):
    """Killed with the claim in its hands: taken over at once."""
    code = (
        "import os, sys; from pathlib import Path; from reliefscope.jobs.claims import claimed\n"
        "with claimed(Path(sys.argv[1]), 'a'): os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)  # noqa: S603
    assert done.returncode == 9
    assert [p.name for p in tmp_path.glob("*.claim")] == ["a.claim"]
    with claimed(tmp_path, "a") as ours:
        assert ours


def test_a_claim_of_another_machine_ends_with_its_term(tmp_path):
    """Fresh, it is kept; not renewed for a whole term, it is free."""
    path = tmp_path / "a.claim"
    path.write_text('{"owner": "elsewhere 1 abc"}')
    with claimed(tmp_path, "a", term_s=60) as ours:
        assert not ours
    old = time.time() - 61
    os.utime(path, (old, old))
    with claimed(tmp_path, "a", term_s=60) as ours:
        assert ours


def test_a_long_task_keeps_its_claim(tmp_path):
    """It is renewed: longer than its term, nobody takes it."""
    with claimed(tmp_path, "a", term_s=0.4) as ours:
        assert ours
        path = tmp_path / "a.claim"
        old = time.time() - 5
        os.utime(path, (old, old))
        deadline = time.monotonic() + 120
        while path.stat().st_mtime <= old + 1 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert path.stat().st_mtime > old + 1


def _try(folder, results):
    for _ in range(30):
        with claimed(folder, "a", term_s=60) as ours:
            if ours:
                inside = folder / "inside"
                inside.mkdir()  # fails if somebody else is in here
                time.sleep(0.001)
                inside.rmdir()
    results.put("well")


def test_many_processes_are_never_inside_together(tmp_path):
    """Four of them, thirty times each."""
    spawn = multiprocessing.get_context("spawn")
    results = spawn.Queue()
    all_of = [spawn.Process(target=_try, args=(tmp_path, results)) for _ in range(4)]
    for process in all_of:
        process.start()
    for process in all_of:
        process.join()
    assert [process.exitcode for process in all_of] == [0] * 4
