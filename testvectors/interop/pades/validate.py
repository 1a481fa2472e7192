"""Validates PDF signatures with pyHanko, offline, and prints one line for each.

Arguments: time (ISO 8601), trusted certificates (DER) up to "--", then files, each as
name=password. Lines: file TAB field TAB ok|bad TAB summary. A field followed by #lt was validated
with revocation data demanded for every certificate and taken from the file alone, one
followed by #ades by the long-term process of ETSI EN 319 102-1.
"""

import asyncio
import sys
from datetime import datetime

from asn1crypto import x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import (
    DocumentSecurityStore,
    async_validate_pdf_signature,
    async_validate_pdf_timestamp,
)
from pyhanko.sign.validation.ades import ades_lta_validation
from pyhanko.sign.validation.policy_decl import (
    PdfSignatureValidationSpec,
    RevinfoOnlineFetchingRule,
    RevocationInfoGatheringSpec,
    SignatureValidationSpec,
)
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.context import CertValidationPolicySpec, ValidationTimingInfo
from pyhanko_certvalidator.authority import CertTrustAnchor
from pyhanko_certvalidator.policy_decl import (
    REQUIRE_REVINFO,
    CertRevTrustPolicy,
    FreshnessReqType,
)
from pyhanko_certvalidator.registry import SimpleTrustManager


def line(*parts):
    print("\t".join(str(p).replace("\t", " ").replace("\n", " ") for p in parts), flush=True)


async def ades(sig, roots, at):
    policy = CertValidationPolicySpec(
        trust_manager=SimpleTrustManager.build(trust_roots=roots),
        revinfo_policy=CertRevTrustPolicy(
            REQUIRE_REVINFO, freshness=None, freshness_req_type=FreshnessReqType.MAX_DIFF_REVOCATION_VALIDATION
        ),
    )
    spec = SignatureValidationSpec(
        cert_validation_policy=policy,
        revinfo_gathering_policy=RevocationInfoGatheringSpec(online_fetching_rule=RevinfoOnlineFetchingRule.LOCAL_ONLY),
    )
    timing = ValidationTimingInfo(at, at, point_in_time_validation=True)
    return await ades_lta_validation(sig, PdfSignatureValidationSpec(signature_validation_spec=spec), timing_info=timing)


async def main(args):
    at = datetime.fromisoformat(args.pop(0))
    roots = []
    while (name := args.pop(0)) != "--":
        with open(name, "rb") as f:
            roots.append(x509.Certificate.load(f.read()))
    for arg in args:
        name, _, password = arg.partition("=")
        try:
            with open(name, "rb") as f:
                # Hybrid files are refused by default; strict is off for them alone.
                reader = PdfFileReader(f, strict="hybrid" not in name)
                if password:
                    reader.decrypt(password)
                for sig in reader.embedded_signatures:
                    vc = ValidationContext(trust_roots=roots, moment=at, allow_fetching=False, best_signature_time=at)
                    if sig.sig_object_type == "/DocTimeStamp":
                        s = await async_validate_pdf_timestamp(sig, vc)
                        line(name, sig.field_name, "ok" if s.valid and s.intact and s.trusted else "bad", s.summary())
                        continue
                    s = await async_validate_pdf_signature(sig, vc)
                    line(name, sig.field_name, "ok" if s.bottom_line else "bad", s.summary(), "docmdp", s.docmdp_ok)
                    if "/DSS" in reader.root:
                        # Every certificate must have revocation data, and only those of the file may be used.
                        known = {"trust_roots": roots, "moment": at, "allow_fetching": False, "revocation_mode": "require", "best_signature_time": at}
                        dss = DocumentSecurityStore.read_dss(reader)
                        s = await async_validate_pdf_signature(
                            sig, dss.as_validation_context(dict(known)), ts_validation_context=dss.as_validation_context(dict(known))
                        )
                        line(name, sig.field_name + "#lt", "ok" if s.bottom_line else "bad", s.summary())
                    res = await ades(sig, roots, at)
                    line(name, sig.field_name + "#ades", res.ades_subindic.status.name, res.ades_subindic)
        except Exception as e:  # every failure is a verdict to show
            line(name, "-", "bad", type(e).__name__, e)


asyncio.run(main(sys.argv[1:]))
