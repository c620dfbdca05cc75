"""Credentials that users cannot have here, and so have none of: tools ask for them before they remove a user."""

from typing import NoReturn

from twinplane.data_plane.call import Answer, Call, Operation, Request, reads
from twinplane.data_plane.services.iam.entities import USER, no_such
from twinplane.data_plane.services.iam.rules import iam


def list_mfa_devices(call: Call, request: Request) -> Answer:
    USER.get(call, request)
    return {"MFADevices": [], "IsTruncated": False}


def list_virtual_mfa_devices(_call: Call, _request: Request) -> Answer:
    return {"VirtualMFADevices": [], "IsTruncated": False}


def list_signing_certificates(call: Call, request: Request) -> Answer:
    USER.get(call, request)
    return {"Certificates": [], "IsTruncated": False}


def list_ssh_public_keys(call: Call, request: Request) -> Answer:
    USER.get(call, request)
    return {"SSHPublicKeys": [], "IsTruncated": False}


def list_service_specific_credentials(call: Call, request: Request) -> Answer:
    USER.get(call, request)
    return {"ServiceSpecificCredentials": []}


def get_login_profile(call: Call, request: Request) -> NoReturn:
    user = USER.get(call, request)
    raise no_such(f"Login Profile for User {user['UserName']} cannot be found.")


OPERATIONS: dict[str, Operation] = {
    "ListMFADevices": reads(list_mfa_devices, USER.may("ListMFADevices")),
    "ListVirtualMFADevices": reads(list_virtual_mfa_devices, iam("iam:ListVirtualMFADevices")),
    "ListSigningCertificates": reads(list_signing_certificates, USER.may("ListSigningCertificates")),
    "ListSSHPublicKeys": reads(list_ssh_public_keys, USER.may("ListSSHPublicKeys")),
    "ListServiceSpecificCredentials": reads(
        list_service_specific_credentials, USER.may("ListServiceSpecificCredentials")
    ),
    "GetLoginProfile": reads(get_login_profile, USER.may("GetLoginProfile")),
}
