"""An SBOM in CycloneDX 1.6 (JSON). The only place that imports the CycloneDX library."""

from __future__ import annotations

import datetime
import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import replace

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.lifecycle import LifecyclePhase, PredefinedLifecycle
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from workbench import __version__
from workbench.attest.package import PYPI, VSCODE, Package

# The property of a component that names the list of the recipe that it comes from.
ORIGIN = "workbench-images:list"
# That of a package from a further index: the variable of its address, which is no part of an SBOM.
INDEX = "workbench-images:index"
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:workbench-images:sbom")


def sbom(tag: str, packages: Sequence[Package], *, image_id: str = "") -> str:
    """Return the text of the SBOM of the image with this tag: of its recipe, or of the image itself.

    The same packages give the same bytes: the serial number comes from the content, and the time
    stamp from the tag's date.
    """
    # podman writes it with and without its algorithm.
    identity = image_id.removeprefix("sha256:")
    built = bool(identity)
    subject = Component(
        name="workbench-images",
        version=tag,
        type=ComponentType.CONTAINER,
        bom_ref=tag,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=identity)] if built else [],
    )
    tool = Component(name="workbench-images", version=__version__, type=ComponentType.APPLICATION, bom_ref="tool")
    phase = LifecyclePhase.POST_BUILD if built else LifecyclePhase.PRE_BUILD
    bom = Bom(
        serial_number=uuid.uuid5(_NAMESPACE, _digest(tag, packages, identity)),
        metadata=BomMetaData(
            component=subject,
            timestamp=_day(tag),
            lifecycles=[PredefinedLifecycle(phase=phase)],
            tools=ToolRepository(components=[tool]),
        ),
        components=[_component(package) for package in packages],
    )
    bom.register_dependency(subject, bom.components)
    return f"{make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2)}\n"


def with_lock(installed: Sequence[Package], locked: Sequence[Package]) -> list[Package]:
    """Return the `installed` packages with the hashes that the lock has for them, and the lists they come from."""
    known = {_identity(package): package for package in locked if package.kind in (PYPI, VSCODE)}
    found = []
    for package in installed:
        pin = known.get(_identity(package))
        found.append(
            package if pin is None else replace(package, hashes=pin.hashes, origins=pin.origins, index=pin.index)
        )
    return found


def _identity(package: Package) -> tuple[str, ...]:
    return (package.kind, package.namespace, package.name, package.version)


def _component(package: Package) -> Component:
    purl = None
    if package.kind:
        qualifiers = dict(package.qualifiers)
        purl = PackageURL(package.kind, package.namespace or None, package.name, package.version or None, qualifiers)
    return Component(
        name=package.name,
        version=package.version or None,
        bom_ref=str(purl) if purl else f"os:{package.name}",
        purl=purl,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest) for digest in package.hashes],
        licenses=[LicenseFactory().make_from_string(package.licence)] if package.licence else [],
        properties=[
            *(Property(name=ORIGIN, value=origin) for origin in package.origins),
            *([Property(name=INDEX, value=f"${{{package.index}}}")] if package.index else []),
        ],
    )


def _digest(tag: str, packages: Sequence[Package], identity: str) -> str:
    return hashlib.sha256("\n".join([tag, identity, *map(repr, packages)]).encode()).hexdigest()


def _day(tag: str) -> datetime.datetime:
    """Return the day of a dated tag; any other tag has none, and gets the first day that a clock counts."""
    try:
        day = datetime.datetime.strptime(tag.rpartition("_")[2], "%Y%m%d")
    except ValueError:
        day = datetime.datetime(1970, 1, 1)
    return day.replace(tzinfo=datetime.UTC)
