"""Accounts as in production, over TLS in real Chromium with an authenticator of its own.

A clinician's way from the first log-in to a passkey, a second device, and away from the desk; and
the API's documentation under the same Content-Security-Policy.
"""

import datetime
import ipaddress
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.e2e.browser import Visitor, chromium_program, visitors
from tests.house.test_production import CHOSEN
from tests.journey import PASSWORD
from tests.patience import PATIENCE
from tests.servers import free_port, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(300)]
ROOT = Path(__file__).resolve().parents[2]
EMAIL = "clinician@test.mimia"
CLINIC = f"""
from screening.models import Membership, Protocol, Site, User
protocol = Protocol.objects.get(slug="quick")
site = Site.objects.create(name="Harbour clinic", protocol=protocol)
clinician = User.objects.create_user("{EMAIL}", "{PASSWORD}", name="Dr Test")
Membership.objects.create(user=clinician, site=site)
"""
#: Longer than a busy machine takes from one page to the next; the page's own clock is set forward.
IDLE_MINUTES = 10


def certificate(folder: Path) -> tuple[Path, Path]:
    """A key and a certificate for localhost that nobody signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    key_file, made_file = folder / "key.pem", folder / "certificate.pem"
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    made_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return key_file, made_file


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The web process alone, with production's settings, behind its own TLS."""
    folder = tmp_path_factory.mktemp("accounts-site")
    port = free_port()
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        **CHOSEN,
        "DJANGO_SETTINGS_MODULE": "webapp.settings.production",
        "MIMIA_ALLOWED_HOSTS": "localhost",
        "EMAIL_URL": "consolemail://",
        "MIMIA_VAR": str(folder),
        "MIMIA_STAFF_IDLE_MINUTES": str(IDLE_MINUTES),
    }

    def manage(*arguments: str) -> None:
        command = [sys.executable, "manage.py", *arguments]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)

    manage("migrate", "--noinput", "-v", "0")
    manage("collectstatic", "--noinput", "-v", "0")
    manage("shell", "-v", "0", "-c", CLINIC)
    key, made = certificate(folder)
    command = [sys.executable, "-m", "uvicorn", "webapp.asgi:application", "--port", str(port)]
    command += ["--no-proxy-headers", "--ssl-keyfile", str(key), "--ssl-certfile", str(made)]
    with (folder / "site.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    url = f"https://localhost:{port}"

    def answers() -> bool:
        try:
            return requests.get(f"{url}/healthz", verify=made, timeout=5).ok
        except requests.RequestException:
            return False

    try:
        wait_for(answers, "the site answers")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    arguments = ["--ignore-certificate-errors", "--disable-background-networking"]
    if os.getuid() == 0:
        arguments.append("--no-sandbox")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_program(), args=arguments)
        yield browser
        browser.close()


def give_authenticator(visitor: Visitor) -> None:
    """A device that knows a finger: what a laptop or a telephone has built in."""
    session = visitor.context.new_cdp_session(visitor.page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def type_password(page: Page) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_a_clinician_gets_a_passkey_uses_it_and_is_signed_out_when_away(
    site: str, chrome: Browser
) -> None:
    with visitors(chrome, site, "accounts", "clinician", "second-device") as (clinician, other):
        page = clinician.page
        give_authenticator(clinician)
        type_password(page)
        expect(page.get_by_role("heading", name="One more thing before you start")).to_be_visible()
        clinician.picture("asked")
        page.goto("/clinic/")
        expect(page).to_have_url(re.compile("/accounts/2fa/$"))
        page.get_by_role("link", name="Set up an app").click()
        # The picture is drawn, which the Content-Security-Policy could forbid.
        assert page.locator("img.qr").evaluate("(image) => image.decode().then(() => image.width)")
        clinician.picture("app")
        page.get_by_role("link", name="Not now").click()
        page.get_by_role("link", name="Add a passkey").click()
        clinician.picture("passkey")
        page.get_by_role("button", name="Add a passkey").click()
        expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
        clinician.picture("codes")
        code = page.locator(".codes code").first.inner_text()
        page.get_by_role("link", name="I have kept them: go on").click()
        expect(page.get_by_role("heading", name="Harbour clinic")).to_be_visible()
        names = {cookie["name"] for cookie in clinician.context.cookies()}
        assert names == {"__Host-sessionid", "__Host-csrftoken", "__Host-known_browser"}

        # What the page asked for is there: an answer after signing out would be a 401.
        page.wait_for_load_state("networkidle")
        page.get_by_role("button", name="Sign out").click()
        page.goto("/accounts/login/?next=/clinic/invite/")
        clinician.picture("sign-in")
        page.get_by_role("button", name="Use my passkey").click()
        expect(page.get_by_role("heading", name=re.compile("Invite a patient"))).to_be_visible()

        # Another device without the passkey: the password leads on, a paper code lets in.
        type_password(other.page)
        other.picture("second-step")
        other.page.get_by_label(re.compile("six digits")).fill(code)
        other.page.get_by_role("button", name="Sign in").click()
        expect(other.page.get_by_role("heading", name="Harbour clinic")).to_be_visible()

        walk_away(other, page)


def walk_away(visitor: Visitor, still_there: Page) -> None:
    """Nothing is done at one page while the other one is used; the browsers are two."""
    page = visitor.page
    page.clock.install()
    page.goto("/clinic/")
    expect(page.get_by_role("heading", name="Harbour clinic")).to_be_visible()
    page.clock.fast_forward((IDLE_MINUTES * 60 - 90) * 1000)
    expect(page.get_by_text("You will be signed out soon")).to_be_visible()
    visitor.picture("away")
    with page.expect_response("**/api/v1/me/active/") as told:
        page.get_by_role("button", name="Stay signed in").click()
    assert told.value.status == 204
    expect(page.get_by_text("You will be signed out soon")).to_be_hidden()
    still_there.reload()
    expect(still_there.get_by_role("heading", name=re.compile("Invite a patient"))).to_be_visible()


def test_the_documentation_of_the_api_is_no_white_page(site: str, chrome: Browser) -> None:
    with visitors(chrome, site, "api-docs", "reader") as (reader,):
        reader.page.goto("/api/docs/")
        expect(reader.page.get_by_text("A clip and its state")).to_be_visible()
        reader.page.get_by_text("A clip and its state").click()
        expect(reader.page.get_by_role("button", name="Try it out")).to_be_visible()
