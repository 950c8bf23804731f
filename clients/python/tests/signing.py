"""Keys and signatures of openssl, so that what is verified was not signed by the same code."""

import atexit
import base64
import functools
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

FOLDER = Path(tempfile.mkdtemp(prefix="seatlease-keys-"))
atexit.register(shutil.rmtree, FOLDER, True)


def openssl(*arguments, input=None):
    done = subprocess.run(["openssl", *arguments], input=input, capture_output=True, check=True)
    return done.stdout


@functools.lru_cache(maxsize=None)
def signing_key(name, bits=2048, exponent=65537):
    """Made once for all tests: keys take longer to make than the tests."""
    return SigningKey(name, bits, exponent)


class SigningKey:
    def __init__(self, name, bits, exponent):
        self.file = str(FOLDER / f"{name}.pem")
        options = ["-pkeyopt", f"rsa_keygen_bits:{bits}", "-pkeyopt", f"rsa_keygen_pubexp:{exponent}"]
        openssl("genpkey", "-algorithm", "RSA", *options, "-out", self.file)
        self.pem = openssl("pkey", "-in", self.file, "-pubout").decode()
        self.n = int(openssl("rsa", "-in", self.file, "-noout", "-modulus").decode().split("=")[1], 16)
        self.e = exponent
        self.kid = f"kid-{name}"

    def jwk(self):
        return {"kty": "RSA", "n": b64(to_bytes(self.n)), "e": b64(to_bytes(self.e)), "kid": self.kid}

    def sign(self, message, digest="sha256", *options):
        return openssl("dgst", f"-{digest}", "-sign", self.file, *options, input=message)

    def raw(self, encoded):
        """Any encoded message of the key's length, signed without padding: a signer that pads wrongly."""
        return openssl("pkeyutl", "-decrypt", "-inkey", self.file, "-pkeyopt", "rsa_padding_mode:none", input=encoded)

    def token(self, claims, head=None, sign=None):
        header = {"alg": "RS256", "typ": "license+jwt", "kid": self.kid, **(head or {})}
        message = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
        return f"{message}.{b64((sign or self.sign)(message.encode()))}"


def to_bytes(number):
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def b64(value):
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
