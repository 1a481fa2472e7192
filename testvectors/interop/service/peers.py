"""Peers of the service on Python libraries; prints one JSON object.

pdf FILE CERTIFICATE...    the signature of a PDF, by pyHanko, trusting the certificates (PEM)
badge FILE DID KEY...      a baked badge, by openbadgeslib: unbaked, its proof and status
                           verified. Further arguments are url=file: what the badge's
                           addresses answer.
"""

import json
import sys
from urllib.parse import unquote


def pdf(name, *roots):
    from asn1crypto import pem
    from asn1crypto.x509 import Certificate
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext

    certificates = []
    for root in roots:
        with open(root, "rb") as f:
            certificates += [Certificate.load(der) for _, _, der in pem.unarmor(f.read(), multiple=True)]
    with open(name, "rb") as f:
        reader = PdfFileReader(f, strict=True)
        out = []
        for sig in reader.embedded_signatures:
            context = ValidationContext(trust_roots=certificates, allow_fetching=False)
            s = validate_pdf_signature(sig, context, ts_validation_context=context)
            stamp = s.timestamp_validity
            out.append({
                "field": sig.field_name, "intact": s.intact, "valid": s.valid, "trusted": s.trusted,
                "coverage": s.coverage.name, "stamped": bool(stamp and stamp.intact and stamp.valid),
                "summary": s.summary(),
            })
        return {"signatures": out, "pages": int(reader.root["/Pages"]["/Count"])}


def badge(name, did, *answers):
    from openbadgeslib.ob3.ldp import OB3LdpVerifier
    from openbadgeslib.ob3.verifier import OB3Verifier

    served = dict(a.split("=", 1) for a in answers)

    def download(url, *args, **kwargs):
        with open(served[unquote(url)], "rb") as f:
            return f.read()

    with open(name, "rb") as f:
        data = f.read()
    extract = OB3Verifier.extract_token_from_png if data.startswith(b"\x89PNG") else OB3Verifier.extract_token_from_svg
    text = extract(data)
    try:
        # The list's own proof is left to the other peers: this library knows lists that are JWTs.
        credential = OB3LdpVerifier.for_issuer_did(did).verify(
            text, check_status=True, download=download, verify_status_list=False
        )
    except Exception as e:  # every failure is a verdict to show
        return {"verified": False, "error": f"{type(e).__name__}: {e}", "text": text}
    return {"verified": True, "name": credential.achievement.name, "text": text}


print(json.dumps({"pdf": pdf, "badge": badge}[sys.argv[1]](*sys.argv[2:])))
