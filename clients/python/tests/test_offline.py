import concurrent.futures
import json
import os
import stat
import unittest
from pathlib import Path
from unittest import mock

from signing import signing_key
from world import FULL, KEY, WorldTest, always, down, problem, stamp

from seatlease import Response, SeatleaseError
from seatlease._license import Expected, verify_token
from seatlease._machine import Storage
from seatlease._revocations import Revocations
from seatlease._rsa import read_keys, thumbprint

DAY = 86_400
PINNED, OTHER = signing_key("pinned"), signing_key("other")


class OfflineTest(WorldTest):
    keys = {"keys": [PINNED.jwk()]}

    def setUp(self):
        super().setUp()
        self.server.terms = {"offline_grace_days": 7, "offline_start_days": 0}
        self.signer = PINNED
        self.server.sign = lambda body: Response(200, {}, json.dumps({"license_token": self.token()}).encode())

    def token(self, head=None, **changed):
        now = self.server.now()
        days = 3 if self.server.sessions.get("loan") else 7
        until = now + days * DAY
        license = {
            "license_id": "lic_test",
            "fingerprint": "machine",
            "plan": "pro",
            "features": ["export"],
            "limits": {"projects": 20},
            "issued_at": stamp(now),
            "offline_until": stamp(until),
            **changed,
        }
        return self.signer.token({"exp": int(until), "license": license}, head)

    def held(self, **options):
        """A seat with a stored license."""
        seat = self.open(**options).acquire()
        seat._tick()
        return seat

    def files(self):
        return [each for each in Path(self.folder).iterdir()]


class Revoked(OfflineTest):
    """OTHER is the vendor's next key."""

    keys = {"keys": [PINNED.jwk(), OTHER.jwk()]}

    def list_by(self, signer, sequence, keys, licenses=(), **head):
        name = lambda key: thumbprint(read_keys(key.pem)[0])
        entries = [{"key_id": "any", "thumbprint": name(key), "since": since} for key, since in keys]
        claims = {"sequence": sequence, "keys": entries, "licenses": [{"jti": each, "until": "x"} for each in licenses]}
        return signer.token(claims, {"typ": "license-revocations+jwt", **head})

    def test_a_running_program_gets_another_license_within_an_hour_and_keeps_its_seat(self):
        seat = self.held()
        self.server.revocations = [self.list_by(OTHER, 1, [(PINNED, None)])]
        self.signer = OTHER
        self.run_for(seat, 3700)
        self.assertEqual((len(self.server.named("sign")), seat.state, self.events), (2, "online", []))
        self.assertEqual(len(self.server.named("acquire")), 1)
        self.assertTrue(1 <= len(self.server.fetched) <= 3, self.server.fetched)

    def test_a_program_that_gets_no_other_license_hears_that_its_grace_is_lost(self):
        seat = self.held()
        self.server.revocations = [self.list_by(OTHER, 1, [(PINNED, None)])]
        self.server.sign = lambda body: problem("SIGNING_BUSY", 503)
        self.run_for(seat, 3700)
        self.assertEqual((self.events[0], seat.offline_until), ("grace_at_risk OFFLINE_LICENSE_INVALID", None))

    def test_a_revoked_license_starts_no_program_offline_and_its_key_cannot_bring_it_back(self):
        seat = self.held()
        self.server.sign = lambda body: problem("SIGNING_BUSY", 503)
        for tokens in ([self.list_by(OTHER, 1, [(PINNED, None)])], [self.list_by(PINNED, 99, [])]):
            self.server.revocations = tokens
            self.run_for(seat, 3700)
            stored = self.open()._grace
            stored.open()
            self.assertIn("revoked", str(stored.why_unusable()))

    def test_a_later_list_of_another_key_undoes_a_revocation_and_an_earlier_one_does_not(self):
        seat = self.held()
        self.server.sign = lambda body: problem("SIGNING_BUSY", 503)
        self.server.revocations = [self.list_by(OTHER, 2, [(PINNED, None)])]
        self.run_for(seat, 3700)
        for sequence, is_usable in ((1, False), (3, True)):
            self.server.revocations = [self.list_by(OTHER, sequence, [])]
            self.run_for(seat, 3700)
            grace = self.open()._grace
            grace.open()
            self.assertEqual(grace.why_unusable() is None, is_usable)

    def test_a_key_is_believed_only_about_itself_if_it_revokes_itself(self):
        keys = read_keys(self.keys)
        revocations = Revocations(Storage(None), keys, "url")
        claims = {"license": {"issued_at": "2027-01-15T08:00:00.000Z"}}
        body = json.dumps({"tokens": [self.list_by(PINNED, 1, [(PINNED, None), (OTHER, None)])]}).encode()
        self.assertTrue(revocations.add(body))
        self.assertEqual([revocations.is_revoked(key, claims) for key in keys], [True, False])
        self.assertFalse(revocations.add(json.dumps({"tokens": [self.list_by(PINNED, 9, [])]}).encode()))

    def test_a_license_is_revoked_by_its_jti_or_by_its_time(self):
        key = read_keys(self.keys)[0]
        claims = {"jti": "one", "license": {"issued_at": "2027-01-15T08:00:00.000Z"}}
        for keys, licenses, is_revoked in (
            ([(PINNED, "2027-01-15T08:00:00.001Z")], [], False),
            ([(PINNED, "2027-01-15T08:00:00.000Z")], [], True),
            ([], ["one"], True),
            ([], ["two"], False),
        ):
            revocations = Revocations(Storage(None), read_keys(self.keys), "url")
            revocations.add(json.dumps({"tokens": [self.list_by(OTHER, 1, keys, licenses)]}).encode())
            self.assertEqual(revocations.is_revoked(key, claims), is_revoked)

    def test_a_list_by_a_stranger_of_another_type_or_without_fields_changes_nothing(self):
        revocations = Revocations(Storage(None), read_keys(self.keys), "url")
        bad = [
            self.list_by(signing_key("stranger"), 1, [(PINNED, None)]),
            self.list_by(OTHER, 1, [(PINNED, None)], typ="license+jwt"),
            self.list_by(OTHER, 1, [(PINNED, None)], alg="RS512"),
            OTHER.token({"sequence": 1}, {"typ": "license-revocations+jwt"}),
            OTHER.token({"sequence": 1, "keys": [7], "licenses": []}, {"typ": "license-revocations+jwt"}),
            "x",
            7,
        ]
        self.assertFalse(revocations.add(json.dumps({"tokens": bad}).encode()))
        for body in (b"x", b"[]", b'{"tokens": 7}'):
            self.assertRaises(ValueError, revocations.add, body)


class Grace(OfflineTest):
    def test_a_long_outage_ends_no_program_while_its_grace_lasts(self):
        seat = self.held()
        self.server.fault = down
        self.run_for(seat, 3600)
        self.clock.now += 6.9 * DAY
        self.assertEqual((seat.state, seat.holds_lease, self.events), ("offline", False, ["offline NO_ANSWER"]))
        self.run_for(seat, 0.1 * DAY)
        self.assertEqual((seat.state, self.events[1:]), ("expired", ["lost NO_ANSWER"]))

    def test_after_hours_without_a_network_the_seat_is_acquired_anew(self):
        seat = self.held()
        self.server.fault = down
        self.run_for(seat, 3 * 3600)
        self.server.fault = None
        self.run_for(seat, 61)
        self.assertEqual((seat.state, self.events[1:]), ("online", ["reacquired", "online"]))

    def test_a_full_pool_after_an_outage_ends_the_grace_until_a_good_answer(self):
        seat = self.held()
        self.server.fault = down
        self.run_for(seat, 3600)
        self.server.fault = lambda operation, body: FULL if operation == "acquire" else None
        self.run_for(seat, 61)
        self.assertEqual((seat.may_run, self.events[-1]), (False, "lost SEATS_EXHAUSTED"))
        self.server.fault = down
        self.run_for(seat, 3600)
        self.assertFalse(seat.may_run)
        self.server.fault = None
        self.run_for(seat, 61)
        self.assertEqual((seat.state, self.events[-2:]), ("online", ["reacquired", "online"]))

    def test_a_suspended_license_has_no_grace_even_if_the_server_is_then_unreachable(self):
        seat = self.held()
        self.server.fault = always(problem("LICENSE_SUSPENDED", 403))
        self.run_for(seat, 310)
        self.server.fault = down
        self.run_for(seat, 40)
        self.assertTrue(seat.may_run)
        self.run_for(seat, 20)
        self.assertEqual((seat.may_run, self.events[-1].split()[0]), (False, "lost"))

    def test_an_evicted_seat_deletes_the_license(self):
        seat = self.held()
        self.assertEqual(len(self.files()), 1)
        self.server.fault = always(problem("SESSION_NOT_FOUND", 404, ended="evicted"))
        self.run_for(seat, 301)
        self.assertEqual((self.files(), seat.offline_until, seat.may_run), ([], None, False))

    def test_a_license_is_signed_once_a_day(self):
        seat = self.held()
        self.run_for(seat, 3 * DAY)
        self.assertTrue(3 <= len(self.server.named("sign")) <= 5, len(self.server.named("sign")))

    def test_a_license_that_cannot_be_had_is_reported_once_a_cause_and_the_old_one_stays(self):
        seat = self.held()
        until = seat.offline_until
        self.signer = OTHER
        self.run_for(seat, DAY)
        self.assertEqual(self.events, ["grace_at_risk OFFLINE_LICENSE_INVALID"])
        self.server.sign = lambda body: problem("SIGNED_LIMIT", 409, limit=1)
        self.run_for(seat, DAY / 2)
        self.assertEqual(self.events[1:], ["grace_at_risk SIGNED_LIMIT"])
        self.assertEqual((seat.offline_until, seat.state), (until, "online"))
        self.assertLess(len(self.server.named("sign")), 80)

    def test_three_failed_requests_to_sign_are_reported(self):
        self.server.sign = lambda body: problem("SIGNING_BUSY", 503)
        seat = self.open().acquire()
        self.run_for(seat, 1100)
        self.assertEqual(self.events, [])
        self.run_for(seat, 700)
        self.assertEqual(self.events, ["grace_at_risk SIGNING_BUSY"])

    def test_without_keys_nothing_is_signed_stored_or_borrowed(self):
        seat = self.held(public_keys=None)
        self.run_for(seat, DAY)
        self.assertEqual((self.server.named("sign"), self.files()), ([], []))
        self.assertEqual(self.code_of(lambda: self.open(public_keys=None).acquire(borrow_days=1)), "PUBLIC_KEYS_REQUIRED")

    def test_a_new_session_is_signed_at_once_and_the_same_one_not_again_after_a_refusal(self):
        self.server.sign = lambda body: problem("SIGNED_LIMIT", 409, limit=1)
        seat = self.held()
        self.server.fault = lambda operation, body: (
            problem("SESSION_NOT_FOUND", 404, ended="unknown") if operation == "heartbeat" else None
        )
        self.run_for(seat, 1000)
        self.assertEqual((self.events.count("reacquired"), len(self.server.named("sign"))), (3, 1))
        self.server.sessions.clear()
        self.server.answer_acquire({"instance_id": "new"})
        client = self.open()
        client.acquire()._tick()
        self.assertEqual(len(self.server.named("sign")), 2)

    def test_a_license_without_grace_is_not_signed(self):
        self.server.terms["offline_grace_days"] = 0
        self.held()
        self.assertEqual(self.server.named("sign"), [])


class Clocks(OfflineTest):
    def test_a_clock_that_is_always_wrong_changes_nothing(self):
        for wrong in (-10 * DAY, -600, 600, 10 * DAY):
            with self.subTest(wrong):
                self.setUp()
                self.clock.offset += wrong
                self.server.ahead = -wrong
                seat = self.held()
                self.server.fault = down
                self.run_for(seat, 3600)
                self.clock.now += 6.9 * DAY
                self.assertEqual((seat.state, self.events), ("offline", ["offline NO_ANSWER"]))
                again = self.open().acquire()
                self.assertEqual(again.state, "offline")
                self.run_for(again, 0.1 * DAY)
                self.assertEqual(again.state, "expired")

    def test_a_clock_that_is_set_back_offline_ends_the_grace_until_the_server_answers(self):
        seat = self.held()
        self.server.fault = down
        self.run_for(seat, DAY)
        self.assertTrue(seat.may_run)
        self.clock.offset -= 299
        self.assertTrue(seat.may_run)
        self.clock.offset -= 3600
        self.assertFalse(seat.may_run)
        self.run_for(seat, 600)
        self.assertEqual(self.events[-1], "lost CLOCK_ROLLED_BACK")
        self.assertEqual(self.code_of(self.open().acquire), "CLOCK_ROLLED_BACK")
        self.server.fault = None
        self.assertEqual(self.open().acquire().state, "online")
        self.server.fault = down
        self.assertEqual(self.open().acquire().state, "offline")

    def test_small_steps_back_do_not_add_up_to_more_grace(self):
        seat = self.held()
        self.server.fault = down
        for _ in range(8 * 24):
            self.clock.now += 3600
            seat._tick()
            self.clock.offset -= 3600 - 300
        self.assertFalse(seat.may_run)


class Start(OfflineTest):
    def test_a_killed_program_starts_offline_after_two_tries_and_reports_it_later(self):
        self.held()
        self.server.fault = down
        before = len(self.server.calls)
        since = self.server.now()
        seat = self.open().acquire()
        self.assertEqual((seat.state, seat.plan, dict(seat.limits)), ("offline", "pro", {"projects": 20}))
        self.assertEqual(len(self.server.calls) - before, 2)
        self.clock.now += 3600
        self.open().acquire()
        self.server.fault = None
        self.run_for(seat, 61)
        self.assertEqual((seat.state, self.events), ("online", ["online"]))
        told = self.server.calls[-2]["offline_since"] if self.server.calls[-1]["op"] == "sign" else None
        told = told or self.server.named("acquire")[-1]["offline_since"]
        self.assertTrue(stamp(since) <= told <= stamp(since + 10), told)
        self.open().acquire()
        self.assertNotIn("offline_since", self.server.named("acquire")[-1])

    def test_a_refusal_allows_no_offline_start(self):
        self.held()
        for code, status in [("SEATS_EXHAUSTED", 409), ("LICENSE_SUSPENDED", 403), ("CREDENTIALS_INVALID", 401)]:
            self.server.fault = always(problem(code, status))
            self.assertEqual(self.code_of(self.open().acquire), code)

    def test_a_release_deletes_the_license_if_the_terms_allow_no_start(self):
        self.held().release()
        self.assertEqual(self.files(), [])
        self.server.fault = down
        self.assertEqual(self.code_of(self.open().acquire), "NO_ANSWER")

    def test_an_unconfirmed_release_keeps_the_license(self):
        seat = self.held()
        self.server.fault = down
        seat.release()
        self.assertEqual(self.open().acquire().state, "offline")

    def test_after_a_release_a_start_is_allowed_for_the_days_of_the_license(self):
        self.server.terms["offline_start_days"] = 2
        self.held().release()
        self.server.fault = down
        self.clock.now += 1.9 * DAY
        seat = self.open().acquire()
        self.assertEqual(seat.state, "offline")
        self.run_for(seat, 0.2 * DAY)
        self.assertEqual(seat.state, "offline", "a program that has started runs on")
        self.assertEqual(self.code_of(self.open().acquire), "OFFLINE_START_NOT_ALLOWED")
        self.run_for(seat, 5 * DAY)
        self.assertEqual(seat.state, "expired")
        self.assertEqual(self.code_of(self.open().acquire), "OFFLINE_LICENSE_EXPIRED")

    def test_a_stored_license_is_used_while_waiting(self):
        self.held()
        self.server.fault = down
        self.assertEqual(self.open().acquire(wait=600).state, "offline")

    def test_a_changed_file_is_refused(self):
        for change in (
            lambda text: text.replace("lic_test", "lic_tost").replace("1800", "1900"),
            lambda text: text[:-20] + "}",
            lambda text: "{}",
            lambda text: "",
        ):
            self.setUp()
            self.held()
            [file] = self.files()
            file.write_text(change(file.read_text()))
            self.server.fault = down
            self.assertEqual(self.code_of(self.open().acquire), "OFFLINE_LICENSE_INVALID")

    def test_the_file_of_another_machine_or_user_or_key_is_not_read(self):
        self.held()
        self.server.fault = down
        for options in ({"fingerprint": "other"}, {"user_id": "u"}, {"license_key": "slk_test_other"}):
            self.assertEqual(self.code_of(self.open(**options).acquire), "NO_ANSWER")

    @unittest.skipIf(os.name == "nt", "Windows has no modes")
    def test_the_file_is_for_the_user_alone_and_replaced_as_a_whole(self):
        self.held()
        [file] = self.files()
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        self.assertNotIn(KEY, file.read_text())
        self.assertNotIn("st1.", file.read_text())

    def test_a_folder_that_cannot_be_written_costs_only_the_offline_start(self):
        seat = self.held(state_folder="/proc/nowhere")
        self.server.fault = down
        self.run_for(seat, DAY)
        self.assertTrue(seat.may_run)

    def test_a_folder_that_became_read_only_allows_no_offline_start(self):
        self.held()
        self.server.fault = down
        with mock.patch("os.replace", side_effect=PermissionError):
            self.assertEqual(self.code_of(self.open().acquire), "OFFLINE_START_NOT_ALLOWED")
        self.assertEqual(self.open().acquire().state, "offline")


class Loans(OfflineTest):
    def test_a_loan_needs_no_heartbeats_and_survives_the_program(self):
        seat = self.open().acquire(borrow_days=3)
        self.assertEqual(seat.borrowed_until.timestamp(), self.server.sessions["loan"] + self.clock.offset)
        self.assertEqual([call["op"] for call in self.server.calls], ["acquire", "sign"])
        self.run_for(seat, 2 * DAY)
        self.assertEqual(len(self.server.calls), 2)
        self.server.fault = down
        again = self.open().acquire()
        self.assertEqual((again.state, again.borrowed_until), ("offline", seat.borrowed_until))
        self.run_for(again, 1.1 * DAY)
        self.assertFalse(again.may_run or seat.may_run)

    def test_a_borrowed_seat_that_cannot_be_signed_is_reported_while_no_lock_is_held(self):
        self.server.sign = lambda body: problem("SIGNED_LIMIT", 409, limit=1)
        client = self.open()
        client.on("grace_at_risk", lambda event: self.events.append(str(in_another_thread(client.acquire) is event.seat)))
        client.acquire(borrow_days=3)
        self.assertEqual(self.events, ["grace_at_risk SIGNED_LIMIT", "True"])

    def test_a_later_program_uses_the_loan_and_returns_it(self):
        self.open().acquire(borrow_days=3)
        seat = self.open().acquire()
        self.assertEqual((seat.state, self.server.calls[-1]["op"]), ("online", "heartbeat"))
        self.assertIsNotNone(seat.borrowed_until)
        seat.release()
        self.assertEqual((self.server.calls[-1]["op"], self.files()), ("release", []))

    def test_a_loan_that_cannot_be_returned_raises_and_can_be_returned_later(self):
        seat = self.open().acquire(borrow_days=3)
        self.server.fault = down
        self.assertEqual(self.code_of(seat.release), "NO_ANSWER")
        self.assertFalse(seat.may_run)
        self.server.fault = None
        seat.release()
        self.assertEqual(self.files(), [])

    def test_a_program_without_the_loan_neither_overwrites_nor_deletes_it(self):
        other = self.held()
        loan = self.open().acquire(borrow_days=3)
        self.run_for(other, 0.5 * DAY)
        other.release()
        self.server.fault = down
        again = self.open().acquire()
        self.assertEqual((again.state, again.borrowed_until), ("offline", loan.borrowed_until))

    def test_a_returned_loan_is_not_stored_again_by_another_program(self):
        self.open().acquire(borrow_days=3)
        other = self.open().acquire()
        self.open().acquire().release()
        self.run_for(other, 3600)
        self.assertEqual(self.files(), [])

    def test_borrowing_a_held_seat_releases_its_session_with_heartbeats(self):
        client = self.open()
        client.acquire()
        seat = client.acquire(borrow_days=3)
        self.assertIsNotNone(seat.borrowed_until)
        self.assertEqual(list(self.server.sessions), ["loan"])


def in_another_thread(call):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return pool.submit(call).result(timeout=5)


class Tokens(unittest.TestCase):
    def claims(self, **changed):
        license = {
            "license_id": "lic_test",
            "fingerprint": "machine",
            "issued_at": "2026-01-01T00:00:00.000Z",
            "offline_until": "2026-01-08T00:00:00.000Z",
            "features": [],
            **changed,
        }
        return {"exp": 1_767_830_400, "license": {k: v for k, v in license.items() if v is not None}}

    def refusal(self, token, is_local=False):
        from seatlease._rsa import read_keys

        try:
            verify_token(token, read_keys({"keys": [PINNED.jwk()]}), Expected("machine", KEY, is_local))
        except SeatleaseError as error:
            return str(error)
        return None

    def test_a_signed_license_is_accepted(self):
        self.assertIsNone(self.refusal(PINNED.token(self.claims())))

    def test_every_other_token_is_refused(self):
        good = PINNED.token(self.claims())
        head, payload, signature = good.split(".")
        wrong = [
            PINNED.token(self.claims(), {"alg": "none"}),
            PINNED.token(self.claims(), {"alg": "HS256"}),
            PINNED.token(self.claims(), {"typ": "JWT"}),
            PINNED.token(self.claims(), {"kid": "another"}),
            PINNED.token(self.claims(), {"kid": None}),
            PINNED.token(self.claims(), {"crit": ["exp"]}),
            OTHER.token(self.claims(), {"kid": PINNED.kid}),
            PINNED.token(self.claims(), sign=lambda message: PINNED.sign(message, "sha512")),
            PINNED.token(self.claims(license_id="lic_other")),
            PINNED.token(self.claims(fingerprint="other")),
            PINNED.token(self.claims(offline_until=None)),
            PINNED.token(self.claims(offline_until="tomorrow")),
            PINNED.token({**self.claims(), "exp": "never"}),
            PINNED.token({"exp": 1}),
            f"{head}.{payload}.",
            f"{head}.{payload}",
            f"{head}.{payload}.{signature}.",
            f"{head}.{payload}.{signature}.{signature}",
            f"{head}.{payload[:-2]}AA.{signature}",
            "",
            "..",
            "null",
        ]
        for n, token in enumerate(wrong):
            with self.subTest(n):
                self.assertIn("OFFLINE_LICENSE_INVALID", self.refusal(token) or "")

    def test_a_key_of_a_local_server_counts_only_on_this_machine(self):
        token = PINNED.token(self.claims(), {"kid": "not-for-production-1"})
        self.assertIn("local test server", self.refusal(token) or "")
        self.assertNotIn("local test server", self.refusal(token, is_local=True) or "")


if __name__ == "__main__":
    unittest.main()
