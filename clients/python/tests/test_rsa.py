import base64
import hashlib
import unittest

from signing import signing_key, to_bytes
from world import WorldTest  # noqa: F401 (puts the package on the path)

from seatlease._rsa import PublicKey, from_base64url, read_keys, verify

MESSAGE = b"header.payload"
INFO = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(MESSAGE).digest()
INFO_WITHOUT_NULL = bytes.fromhex("302f300b0609608648016503040201" + "0420") + hashlib.sha256(MESSAGE).digest()


class Signatures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.signer = signing_key("pinned")
        cls.small = signing_key("small", exponent=3)
        cls.key = PublicKey(None, cls.signer.n, cls.signer.e)

    def padded(self, tail, fill=b"\xff", start=b"\x00\x01"):
        return start + fill * (256 - len(tail) - len(start) - 1) + b"\x00" + tail

    def test_a_signature_of_openssl_is_valid_for_its_message_alone(self):
        signature = self.signer.sign(MESSAGE)
        self.assertTrue(verify(self.key, signature, MESSAGE))
        self.assertFalse(verify(self.key, signature, MESSAGE + b" "))
        self.assertFalse(verify(PublicKey(None, self.small.n, 3), signature, MESSAGE))
        for place in (0, 100, 255):
            changed = bytearray(signature)
            changed[place] ^= 1
            self.assertFalse(verify(self.key, bytes(changed), MESSAGE))

    def test_a_signature_of_a_key_of_an_odd_size_is_valid(self):
        signer = signing_key("odd", bits=2049)
        self.assertTrue(verify(PublicKey(None, signer.n, signer.e), signer.sign(MESSAGE), MESSAGE))

    def test_another_length_or_a_number_that_is_too_large_is_refused(self):
        signature = self.signer.sign(MESSAGE)
        larger = int.from_bytes(signature, "big") + self.signer.n
        for wrong in (b"", signature[:-1], signature + b"\0", b"\0" + signature, to_bytes(larger)):
            self.assertFalse(verify(self.key, wrong, MESSAGE))

    def test_another_hash_or_padding_is_refused(self):
        self.assertFalse(verify(self.key, self.signer.sign(MESSAGE, "sha1"), MESSAGE))
        self.assertFalse(verify(self.key, self.signer.sign(MESSAGE, "sha512"), MESSAGE))
        self.assertFalse(verify(self.key, self.signer.sign(MESSAGE, "sha256", "-sigopt", "rsa_padding_mode:pss"), MESSAGE))

    def test_only_the_one_encoding_of_rfc_8017_is_accepted(self):
        self.assertTrue(verify(self.key, self.signer.raw(self.padded(INFO)), MESSAGE))
        wrong = {
            "no NULL parameters": self.padded(INFO_WITHOUT_NULL),
            "bytes behind the digest, as in Bleichenbacher's forgery of 2006": (
                b"\x00\x01" + b"\xff" * 8 + b"\x00" + INFO + b"\x07" * (256 - 11 - len(INFO))
            ),
            "one byte behind the digest": self.padded(INFO + b"\x00"),
            "padding that is not ff": self.padded(INFO, fill=b"\xfe"),
            "block type 0": self.padded(INFO, start=b"\x00\x00"),
            "block type 2": self.padded(INFO, start=b"\x00\x02"),
            "the digest alone": self.padded(hashlib.sha256(MESSAGE).digest()),
            "no zero after the padding": b"\x00\x01" + b"\xff" * (254 - len(INFO)) + INFO,
        }
        for what, encoded in wrong.items():
            with self.subTest(what):
                self.assertEqual(len(encoded), 256)
                self.assertFalse(verify(self.key, self.signer.raw(encoded), MESSAGE))

    def test_a_cube_root_without_the_private_key_is_no_signature(self):
        """A key with exponent 3: the forger chooses the bytes behind the digest so that the number is nearly a cube."""
        prefix = b"\x00\x01" + b"\xff" * 8 + b"\x00" + INFO
        wanted = int.from_bytes(prefix + b"\xff" * (256 - len(prefix)), "big")
        root = 1 << (wanted.bit_length() // 3 + 1)
        while root**3 > wanted:
            root = (2 * root + wanted // root**2) // 3
        forged = root.to_bytes(256, "big")
        self.assertTrue((root**3).to_bytes(256, "big").startswith(prefix), "the forgery works against a lax parser")
        self.assertFalse(verify(PublicKey(None, self.small.n, 3), forged, MESSAGE))


class Keys(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.signer = signing_key("pinned")
        cls.der = base64.b64decode("".join(cls.signer.pem.splitlines()[1:-1]))

    def pem(self, der):
        return f"-----BEGIN PUBLIC KEY-----\n{base64.b64encode(der).decode()}\n-----END PUBLIC KEY-----\n"

    def test_a_pem_and_a_key_set_give_the_same_key(self):
        [from_pem] = read_keys(self.signer.pem)
        [from_set] = read_keys({"keys": [self.signer.jwk()]})
        self.assertEqual((from_pem.n, from_pem.e), (self.signer.n, 65537))
        self.assertEqual((from_set.n, from_set.e, from_set.kid), (self.signer.n, 65537, "kid-pinned"))
        self.assertEqual(len(read_keys([self.signer.pem, "text\n" + self.signer.pem])), 2)

    def test_anything_but_the_der_of_one_rsa_key_is_refused(self):
        der = self.der
        wrong = {
            "cut": der[:-1],
            "more bytes": der + b"\0",
            "another algorithm": der.replace(bytes.fromhex("2a864886f70d010101"), bytes.fromhex("2a864886f70d01010a")),
            "a length that is not the shortest": b"\x30\x83\x00" + der[2:4] + der[4:],
            "an indefinite length": b"\x30\x80" + der[4:] + b"\0\0",
            "nothing": b"",
            "a negative number": der[:32] + b"\x80" + der[33:],
        }
        for what, changed in wrong.items():
            with self.subTest(what), self.assertRaises(ValueError):
                read_keys(self.pem(changed))

    def test_weak_keys_are_refused(self):
        for weak in (signing_key("short", bits=1024), signing_key("small", exponent=3)):
            with self.assertRaises(ValueError):
                read_keys(weak.pem)
            with self.assertRaises(ValueError):
                read_keys({"keys": [weak.jwk()]})

    def test_no_keys_at_all_are_refused(self):
        for nothing in ("", "text", "{}", '{"keys": []}', {"keys": [{"kty": "EC"}]}, [], '{"keys": [1]}', "{"):
            with self.subTest(nothing), self.assertRaises(ValueError):
                read_keys(nothing)

    def test_base64url_has_one_text_for_each_value(self):
        self.assertEqual(from_base64url("AA"), b"\0")
        for wrong in ("AB", "A", "AA=", "A+", "A/", "A A", "AA\n"):
            with self.subTest(wrong), self.assertRaises(ValueError):
                from_base64url(wrong)


if __name__ == "__main__":
    unittest.main()
