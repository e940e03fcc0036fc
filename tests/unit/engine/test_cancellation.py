"""Stopping threads that are inside user code."""

from __future__ import annotations

import threading

from penstock._engine.cancellation import Token
from penstock.exceptions import RunCancelled


def test_code_that_is_starting_a_thread_is_stopped_and_the_new_thread_is_not():
    for _ in range(30):
        token, begun, stopped = Token(), threading.Event(), threading.Event()

        def work(token=token, begun=begun, stopped=stopped):
            try:
                with token.user_code():
                    begun.set()
                    while True:
                        threading.Thread(target=sum, args=((1, 2),)).start()
            except RunCancelled:
                stopped.set()

        worker = threading.Thread(target=work)
        worker.start()
        assert begun.wait(20)
        token.set("cancelled")
        assert stopped.wait(20)
        worker.join()
