import os
import unittest

from world import FULL, HTML, NEXT, Response, WorldTest, always, down, problem

from seatlease import SeatleaseError
from seatlease._errors import step_after

SUSPENDED = problem("LICENSE_SUSPENDED", 403)


class Hold(WorldTest):
    def test_a_granted_seat_shows_its_terms_and_no_token(self):
        seat = self.open().acquire()
        self.assertEqual((seat.state, seat.may_run, seat.holds_lease), ("online", True, True))
        self.assertEqual((seat.plan, seat.features, dict(seat.limits)), ("pro", ("export",), {"projects": 20}))
        self.assertTrue(seat.has("export"))
        self.assertFalse(seat.has("import"))
        self.assertIsNone(seat.problem)
        self.assertNotIn("st1.", repr(seat))
        self.assertIn("ses_test_", repr(seat))

    def test_a_seat_beats_once_an_interval_and_up_to_a_tenth_earlier(self):
        seat = self.open().acquire()
        self.run_for(seat, 3600)
        at = [call["at"] for call in self.server.calls]
        pauses = [later - earlier for earlier, later in zip(at, at[1:])]
        self.assertTrue(12 <= len(pauses) <= 13, pauses)
        # The shortest wait of the heartbeats' thread is 0.01 s.
        self.assertTrue(all(270 <= pause <= 300.01 for pause in pauses), pauses)
        self.assertEqual(self.events, [])

    def test_each_heartbeat_sends_the_newest_token(self):
        seat = self.open().acquire()
        self.run_for(seat, 1000)
        self.assertEqual(
            [call["session_token"] for call in self.server.named("heartbeat")], ["st1.1", "st1.2", "st1.3"]
        )

    def test_a_lease_is_counted_from_sending(self):
        self.server.latency = 9.0
        seat = self.open().acquire()
        sent_at = self.server.calls[0]["at"]
        self.server.fault = down
        self.clock.now = sent_at + 360 * 0.995 - 0.1
        self.assertTrue(seat.holds_lease)
        self.clock.now = sent_at + 360 * 0.995
        self.assertFalse(seat.holds_lease)

    def test_the_holder_is_the_process_or_what_the_app_says(self):
        self.open().acquire()
        self.open(process_id="worker-1", user_id="ada").acquire()
        first, second = self.server.calls
        self.assertTrue(first["process_id"].startswith(f"{os.getpid()}."))
        self.assertEqual((second["process_id"], second["user_id"]), ("worker-1", "ada"))

    def test_the_second_acquire_returns_the_held_seat(self):
        client = self.open()
        self.assertIs(client.acquire(), client.acquire())
        self.assertEqual(len(self.server.calls), 1)

    def test_a_heartbeat_brings_new_entitlements_and_otherwise_keeps_the_last(self):
        seat = self.open().acquire()
        self.run_for(seat, 400)
        self.assertEqual(seat.plan, "pro")

        lease = self.server.lease

        def with_plan(instance, ttl):
            return {**lease(instance, ttl), "entitlements": {"plan": "team", "features": [], "limits": {}}}

        self.server.lease = with_plan
        self.run_for(seat, 400)
        self.assertEqual((seat.plan, seat.features), ("team", ()))


class Failures(WorldTest):
    def test_one_lost_heartbeat_is_sent_again_and_nobody_is_told(self):
        seat = self.open().acquire()
        faults = [down]
        self.server.fault = lambda operation, body: faults.pop()(operation, body) if faults else None
        self.run_for(seat, 900)
        self.assertEqual((seat.state, self.events), ("online", []))

    def test_garbage_is_an_outage_and_never_a_grant(self):
        for garbage in [
            HTML,
            Response(404, {}, b"<html></html>"),
            Response(502, {}, b""),
            Response(200, {}, b""),
            Response(200, {}, b'{"session_id": "ses_te'),
            Response(200, {}, b"[" * 100_000),
            Response(200, {}, b"[]"),
            Response(200, {"x-request-id": "another"}, b"{}"),
            Response(302, {"location": "https://evil.example"}, b""),
            Response(409, {}, b'{"code": "SEATS_EXHAUSTED", "status": 409, "type": "about:blank"}'),
        ]:
            with self.subTest(garbage.body[:20]):
                self.setUp()
                seat = self.open().acquire()
                self.server.fault = always(garbage)
                self.run_for(seat, 330)
                self.assertTrue(seat.may_run)
                self.assertEqual(self.events, ["offline NO_ANSWER"])
                self.server.fault = None
                self.run_for(seat, 100)
                self.assertEqual((seat.state, self.events[1:]), ("online", ["online"]))

    def test_three_tries_fit_between_due_and_end_if_nobody_answers(self):
        self.server.ttl, self.server.heartbeat = 12, 10
        seat = self.open().acquire()

        def silence(operation, body):
            self.clock.now += self.server.calls[-1]["seconds"]
            raise TimeoutError("timed out")

        self.server.fault = silence
        self.run_for(seat, 11.9)
        tries = [call["at"] + call["seconds"] for call in self.server.named("heartbeat")]
        self.assertGreaterEqual(len([end for end in tries if end < 100 + 12]), 3)

    def test_an_outage_within_the_lease_is_offline_and_then_online_with_the_same_session(self):
        seat = self.open().acquire()
        self.server.fault = down
        # With any jitter, a try is sent at 338.8 s, one pause before the lease ends, unless one was sent after 336.8 s.
        self.run_for(seat, 336)
        self.assertEqual((seat.state, self.events), ("offline", ["offline NO_ANSWER"]))
        self.assertEqual(seat.problem.code, "NO_ANSWER")
        self.server.fault = None
        self.run_for(seat, 3)
        self.assertEqual((seat.state, seat.problem), ("online", None))
        self.assertEqual((self.events[1:], len(self.server.named("acquire"))), (["online"], 1))

    def test_without_grace_a_seat_is_lost_when_its_lease_ends_and_comes_back(self):
        seat = self.open().acquire()
        self.server.fault = down
        self.run_for(seat, 7200, lambda: self.assertEqual(seat.may_run, seat.holds_lease))
        self.assertEqual(self.events, ["offline NO_ANSWER", "lost NO_ANSWER"])
        self.server.fault = None
        self.run_for(seat, 61)
        self.assertEqual((seat.state, self.events[2:]), ("online", ["reacquired", "online"]))
        self.assertEqual(len({call["instance_id"] for call in self.server.named("acquire")}), 1)

    def test_an_outage_costs_few_requests(self):
        seat = self.open().acquire()
        self.server.fault = down
        self.run_for(seat, 24 * 3600)
        self.assertLess(len(self.server.calls), 24 * 60 * 3)
        self.assertGreater(len(self.server.calls), 24 * 60)

    def test_retry_after_is_obeyed_but_for_one_more_try_before_the_lease_ends(self):
        seat = self.open().acquire()
        self.server.fault = always(problem("RATE_LIMITED", 429, retry_after=1000))
        self.run_for(seat, 1200)
        at = [call["at"] - 100 for call in self.server.named("heartbeat")]
        self.assertEqual(len([each for each in at if each < 358.2]), 2, at)
        self.assertTrue(at[1] >= 330, at)
        # The third try comes soon after the lease, so that the program learns that its seat is lost; then Retry-After counts.
        self.assertTrue(at[1] < 358.2 < at[2] < 369, at)
        self.assertTrue(300 <= at[3] - at[2] <= 361, at)

    def test_a_full_pool_after_the_lease_is_asked_within_a_minute_whatever_it_says(self):
        seat = self.open().acquire()
        self.server.fault = down
        self.run_for(seat, 1000)
        self.server.fault = always(problem("SEATS_EXHAUSTED", 409, retry_after=100_000))
        before = len(self.server.calls)
        self.run_for(seat, 1200)
        self.assertGreaterEqual(len(self.server.calls) - before, 9)

    def test_a_full_pool_after_a_long_outage_is_asked_again_after_the_first_wait(self):
        seat = self.open().acquire()
        self.server.fault = down
        self.run_for(seat, 3600)
        self.server.fault = always(problem("SEATS_EXHAUSTED", 409, retry_after=100_000))
        self.run_for(seat, 200)
        at = [call["at"] for call in self.server.calls if call["at"] > 3700]
        self.assertTrue(at[1] - at[0] <= 2.01, at)

    def test_answers_that_say_nothing_about_the_seat_do_not_end_it(self):
        for code, status in [("VALIDATION_FAILED", 400), ("NOT_FOUND", 404), ("METHOD_NOT_ALLOWED", 405),
                             ("AUTHENTICATION_REQUIRED", 401), ("A_NEW_CODE", 418), ("A_NEW_CODE", 503)]:
            with self.subTest(code):
                self.setUp()
                seat = self.open().acquire()
                self.server.fault = always(problem(code, status))
                self.run_for(seat, 357)
                self.assertTrue(seat.may_run)
                self.server.fault = None
                self.run_for(seat, 700)
                self.assertEqual(seat.state, "online")
                self.assertNotIn("evicted", self.events)


class Answers(WorldTest):
    def test_every_code_has_a_step_and_unknown_ones_count_as_two_known(self):
        self.assertIn("SEATS_EXHAUSTED", NEXT)
        for status, expected in [(418, "repair"), (429, "outage"), (500, "outage")]:
            self.assertEqual(step_after(SeatleaseError("NEW", "", status=status), True).backoff, expected)

    def test_expired_unknown_missing_and_new_endings_acquire_at_once_with_the_same_instance(self):
        for ended in ["expired", "unknown", None, "a new value"]:
            with self.subTest(ended):
                self.setUp()
                seat = self.open().acquire()
                members = {} if ended is None else {"ended": ended}
                faults = [problem("SESSION_NOT_FOUND", 404, **members)]
                self.server.fault = lambda operation, body: faults.pop() if faults else None
                self.run_for(seat, 301)
                first, again = self.server.named("acquire")
                self.assertEqual(first["instance_id"], again["instance_id"])
                self.assertEqual((seat.state, self.events), ("online", ["reacquired"]))

    def test_an_evicted_seat_is_lost_at_once_and_sends_nothing_more(self):
        for ended in ["evicted", "released"]:
            with self.subTest(ended):
                self.setUp()
                seat = self.open().acquire()
                self.server.fault = always(problem("SESSION_NOT_FOUND", 404, ended=ended))
                self.run_for(seat, 3600)
                seat.release()
                self.assertEqual(self.events, ["lost SESSION_NOT_FOUND"])
                self.assertEqual(len(self.server.calls), 2)
                self.assertFalse(seat.may_run)

    def test_a_revived_seat_is_reacquired_without_an_acquire(self):
        seat = self.open().acquire()
        lease = self.server.lease
        self.server.lease = lambda instance, ttl: {**lease(instance, ttl), "revived": True}
        self.run_for(seat, 301)
        self.assertEqual((self.events, len(self.server.named("acquire"))), (["reacquired"], 1))

    def test_an_ended_session_in_place_of_a_lost_lease_is_final(self):
        seat = self.open().acquire()
        answers = [problem("SESSION_ENDED", 409, ended="evicted"), problem("SESSION_NOT_FOUND", 404, ended="unknown")]
        self.server.fault = lambda operation, body: answers.pop() if answers else None
        self.run_for(seat, 400)
        self.assertEqual((self.events, seat.state), (["lost SESSION_ENDED"], "expired"))

    def test_a_suspended_license_runs_to_the_end_of_the_lease_and_comes_back_by_itself(self):
        seat = self.open().acquire()
        self.server.fault = always(SUSPENDED)
        self.run_for(seat, 357)
        self.assertTrue(seat.may_run)
        self.run_for(seat, 600)
        self.assertEqual((self.events[-1], seat.may_run), ("lost LICENSE_SUSPENDED", False))
        self.server.fault = None
        self.run_for(seat, 301)
        self.assertEqual((seat.state, self.events[-1]), ("online", "online"))

    def test_refused_credentials_end_a_held_seat(self):
        seat = self.open().acquire()
        self.server.fault = always(problem("CREDENTIALS_INVALID", 401))
        self.run_for(seat, 400)
        self.assertEqual(self.events, ["lost CREDENTIALS_INVALID"])

    def test_a_server_that_answers_unknown_to_an_acquire_is_not_asked_in_a_loop(self):
        seat = self.open().acquire()
        self.server.fault = always(problem("SESSION_NOT_FOUND", 404, ended="unknown"))
        self.run_for(seat, 3600)
        self.assertLess(len(self.server.calls), 200)

    def test_a_grant_of_another_license_is_no_answer(self):
        self.server.terms["license_id"] = "lic_other"
        self.assertEqual(self.code_of(lambda: self.open(license_key="slk_mine_x").acquire()), "NO_ANSWER")


class Start(WorldTest):
    def test_a_full_pool_is_asked_once_without_wait(self):
        self.server.fault = always(FULL)
        self.assertEqual(self.code_of(self.open().acquire), "SEATS_EXHAUSTED")
        self.assertEqual((self.error.members["max"], self.error.retry_after_seconds, self.error.status), (1, 30, 409))
        self.assertEqual(len(self.server.calls), 1)

    def test_wait_waits_for_a_seat_with_the_same_instance(self):
        answers = [FULL, FULL]
        self.server.fault = lambda operation, body: answers.pop() if answers else None
        self.assertEqual(self.open().acquire(wait=600).state, "online")
        self.assertEqual(len({call["instance_id"] for call in self.server.calls}), 1)

    def test_waiting_in_vain_names_the_last_error(self):
        for fault, code in [(always(FULL), "SEATS_EXHAUSTED"), (down, "NO_ANSWER")]:
            with self.subTest(code):
                self.setUp()
                self.server.fault = fault
                self.assertEqual(self.code_of(lambda: self.open().acquire(wait=3)), "WAITED_IN_VAIN")
                self.assertEqual(self.error.__cause__.code, code)
                self.assertAlmostEqual(sum(self.clock.slept), 3, places=6)

    def test_an_outage_at_the_first_ask_is_tried_four_times(self):
        for fault in [down, always(problem("RATE_LIMITED", 429)), always(problem("SEATS_UNAVAILABLE", 503))]:
            self.setUp()
            self.server.fault = fault
            self.code_of(self.open().acquire)
            self.assertEqual(len(self.server.calls), 4)
            self.assertEqual(len({call["instance_id"] for call in self.server.calls}), 1)

    def test_wait_rides_out_an_outage(self):
        self.server.fault = lambda operation, body: down(operation, body) if self.clock.now < 150 else None
        self.assertEqual(self.open().acquire(wait=120).state, "online")

    def test_an_ended_session_at_the_first_acquire_takes_one_fresh_instance(self):
        self.server.fault = always(problem("SESSION_ENDED", 409, ended="released"))
        self.assertEqual(self.code_of(self.open().acquire), "SESSION_ENDED")
        self.assertEqual(len(self.server.calls), 2)
        self.assertEqual(len({call["instance_id"] for call in self.server.calls}), 2)

    def test_an_error_has_neither_key_nor_token(self):
        self.server.fault = down
        self.code_of(self.open().acquire)
        self.assertIn("licenses.example", str(self.error))
        self.assertNotIn("secret", f"{self.error!r} {self.error.__cause__!r}")


class End(WorldTest):
    def test_release_ends_the_session_and_a_second_one_does_nothing(self):
        with self.open().acquire() as seat:
            pass
        seat.release()
        self.assertEqual((seat.state, seat.may_run), ("released", False))
        self.assertEqual([call["op"] for call in self.server.calls], ["acquire", "release"])
        self.assertIsNone(seat._tick())

    def test_release_is_tried_for_two_seconds_and_given_up_in_silence(self):
        seat = self.open().acquire()
        self.server.fault = down
        began = self.clock.now
        seat.release()
        self.assertLessEqual(self.clock.now - began, 2)
        self.assertGreater(len(self.server.named("release")), 1)

    def test_a_seat_that_is_granted_while_the_user_gives_up_is_released(self):
        client = self.open()

        def interrupt(seat):
            raise KeyboardInterrupt

        client._start = interrupt
        with self.assertRaises(KeyboardInterrupt):
            client.acquire()
        self.assertEqual([call["op"] for call in self.server.calls], ["acquire", "release"])

    def test_a_seat_after_a_release_is_a_new_one(self):
        client = self.open()
        first = client.acquire()
        first.release()
        self.assertNotEqual(client.acquire()._instance_id, first._instance_id)

    def test_a_listener_that_fails_does_not_stop_the_others(self):
        client = self.open()
        heard = []
        client.on("offline", lambda event: 1 / 0)
        off = client.on("offline", heard.append)
        seat = client.acquire()
        self.server.fault = down
        with self.assertLogs("seatlease", "ERROR"):
            self.run_for(seat, 350)
        off()
        self.assertEqual([event.name for event in heard], ["offline"])


class Clocks(WorldTest):
    def test_after_a_sleep_the_seat_is_not_believed_and_nobody_is_told_that_it_is_lost(self):
        seat = self.open().acquire()
        self.run_for(seat, 50)
        for jump in ["wall", "both"]:
            with self.subTest(jump):
                if jump == "wall":
                    self.clock.offset += 3600
                else:
                    self.clock.now += 3600
                self.assertEqual((seat.may_run, seat.holds_lease), (False, False))
                self.server.sessions.clear()
                self.run_for(seat, 61)
                self.assertEqual((seat.state, self.events), ("online", ["reacquired"]))
                self.events.clear()

    def test_after_a_sleep_in_an_outage_three_tries_must_fail_again(self):
        seat = self.open().acquire()
        self.server.fault = down
        self.run_for(seat, 340)
        self.clock.now += 3600
        seat._tick()
        self.assertEqual(self.events, ["offline NO_ANSWER"])
        self.run_for(seat, 200)
        self.assertEqual(self.events[1:], ["lost NO_ANSWER"])

    def test_a_wall_clock_that_steps_back_lengthens_no_lease(self):
        seat = self.open().acquire()
        self.server.fault = down
        self.clock.offset -= 3600
        self.run_for(seat, 359)
        self.assertFalse(seat.holds_lease)


if __name__ == "__main__":
    unittest.main()
