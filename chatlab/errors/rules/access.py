"""Rows about who may call: keys, permissions, countries, switched-off providers."""

from __future__ import annotations

from typing import Final

from chatlab.errors.kinds import Kind
from chatlab.errors.rule import Evidence, Rule

GATEWAY: Final = (
    Rule(
        id="missing-key",
        kind=Kind.MISSING_KEY,
        retryable=False,
        phrases=("api key is not set", "api key client option must be set"),
        given=Evidence(signs=("answered",), phrases=("gateway", "proxy")),
        because="The gateway answered, and has no key for the provider behind it.",
    ),
    Rule(
        id="provider-disabled",
        kind=Kind.PROVIDER_DISABLED,
        retryable=False,
        codes=("provider_disabled",),
        phrases=("gateway is currently disabled", "disabled by … administrator"),
        because="An administrator switched the provider off at the gateway.",
    ),
)

AUTH_STRONG: Final = (
    Rule(
        id="auth-code",
        kind=Kind.AUTH,
        retryable=False,
        codes=(
            *(
                "invalid_api_key",
                "API_KEY_INVALID",
                "authentication_error",
                "access_terminated_error",
            ),
            *("unsupported_country_region_territory", "account_deactivated", "CONSUMER_SUSPENDED"),
            *("UnrecognizedClientException", "ExpiredTokenException", "InvalidSignatureException"),
            *("API_KEY_SERVICE_BLOCKED", "mismatched_organization", "token_not_found_in_db"),
            *("GatewayAuthenticationError",),
        ),
        because="The provider's own code refuses the credentials or the caller.",
    ),
    Rule(
        id="auth-words",
        kind=Kind.AUTH,
        retryable=False,
        phrases=(
            *("incorrect api key", "location is not supported", "organization has been disabled"),
            *("only authorized for use with", "not authorized to perform", "api key expired"),
            *("signature expired", "could not load credentials", "resolve authentication method"),
            *("unauthenticated", "api key not valid", "token expired", "oauth token"),
            *("marketplace", "country, region, or territory"),
        ),
        because="The words refuse the credentials or the caller.",
    ),
)

AUTH_BY_STATUS: Final = (
    Rule(
        id="auth-status",
        kind=Kind.AUTH,
        retryable=False,
        statuses=(401, 407),
        because="401 Unauthorized, or a proxy's 407.",
    ),
    Rule(
        id="forbidden",
        kind=Kind.AUTH,
        retryable=False,
        statuses=(403,),
        codes=("permission_error", "PERMISSION_DENIED", "AccessDeniedException"),
        because="403 Forbidden, and nothing says that only this model is refused.",
    ),
    Rule(
        id="forbidden-words",
        kind=Kind.AUTH,
        retryable=False,
        phrases=("forbidden", "unauthorized", "zscloud"),
        unless=Evidence(phrases=("upstream connect error",), statuses=(404, "5xx")),
        because="The words say that the caller may not.",
    ),
)
