"""Verifies a running sava-product against Pact files: verify.py URL FILE..."""

import sys

from pact import Verifier

url, *files = sys.argv[1:]
host = url.removeprefix("http://").split(":")[0]
verifier = Verifier("sava-product", host=host).add_transport(url=url).set_error_on_empty_pact()
for file in files:
    verifier.add_source(file)
try:
    verifier.verify()
except RuntimeError:
    sys.exit(verifier.output(strip_ansi=True))
