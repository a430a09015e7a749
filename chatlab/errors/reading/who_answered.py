"""Who answered: one spelling for each provider, and their marks in URLs and texts."""

from __future__ import annotations

import re
from typing import Final

DISPLAY_NAMES: Final[dict[str, str]] = {
    "anthropic": "Anthropic",
    "azure": "Azure OpenAI",
    "bedrock": "AWS Bedrock",
    "google": "Google",
    "openai": "OpenAI",
    "openai-compat": "OpenAI Compatible",
    "openrouter": "OpenRouter",
    "vercel": "Vercel AI Gateway",
}
"""The providers, by their one name, with the name that people read."""

UNKNOWN_NAME: Final = "the AI provider"

_SPELLINGS: Final[dict[str, str]] = {
    **{name: name for name in DISPLAY_NAMES},
    **{name.lower(): key for key, name in DISPLAY_NAMES.items()},
    "azure-ai": "azure",
    "azureopenai": "azure",
    "azure-openai-responses": "azure",
    "microsoft": "azure",
    "aws": "bedrock",
    "amazon": "bedrock",
    "amazon-bedrock": "bedrock",
    "bedrock-converse": "bedrock",
    "claude": "anthropic",
    "gemini": "google",
    "vertex": "google",
    "vertex-ai": "google",
    "vertexai": "google",
    "google-ai": "google",
    "google-vertex": "google",
    "google-gemini": "google",
    "google-genai": "google",
    "openaicompat": "openai-compat",
    "openai-compatible": "openai-compat",
    "open-router": "openrouter",
    "vercel-ai": "vercel",
    "ai-gateway": "vercel",
    "gateway": "vercel",
}
_NOBODY: Final = frozenset({"", "unknown", "none", "null", "other"})

_MARKS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    (
        "openai-compat",
        (
            *("openai-compat", "openai compat", "openai_compat", "githubcopilot", "copilot"),
            *("groq", "api.mistral.ai", "mistral", "deepseek", "together.xyz", "togetherai"),
            *("fireworks", "cerebras", "console.x.ai", "api.x.ai", "xai", "perplexity", "cohere"),
            *("moonshot", "kimi", "zhipu", "bigmodel", "z.ai", "dashscope", "aliyun", "qwen"),
            *("minimax", "siliconflow", "modelscope", "nvidia", "nim", "workers ai", "huggingface"),
            *("models.github.ai", "models.inference.ai.azure.com", "litellm router"),
            *("litellm proxy", "litellm-proxy", "one_api_error", "new_api_error", "one-api"),
            *("new-api", "vllm", "sglang", "ollama", "llama.cpp", "llama-server", "llama runner"),
            *("lm studio", "lmstudio", "portkey", "helicone", "hconeai", "pollinations"),
            *("xinference", "received model group", "localhost:11434", "127.0.0.1:11434"),
            *("databricks", "watsonx", "sambanova", "novita", "hyperbolic", "deepinfra", "baseten"),
            *("chutes", "volces", "hunyuan", "qianfan", "baichuan", "stepfun", "rix_api_error"),
            *("jinja exception", "n_ctx", "enginecore", "inference providers"),
        ),
    ),
    (
        "azure",
        (
            *("openai.azure.com", "azure openai", "azure-openai", "azureexception", "azure.core"),
            *("cognitiveservices", "apim-request-id", "aka.ms/oai", "azure."),
            *("services.ai.azure.com", "go.microsoft.com/fwlink"),
        ),
    ),
    ("openrouter", ("openrouter",)),
    (
        "bedrock",
        (
            *("bedrock", "botocore", "amazonaws", "converse operation", "conversestream operation"),
            *("invokemodel", "arn:aws", "throttlingexception", "unrecognizedclientexception"),
            *("expiredtokenexception",),
        ),
    ),
    (
        "vercel",
        ("ai-gateway.vercel", "vercel ai gateway", "ai gateway", "vercel.ai.gateway", "gateway.ai"),
    ),
    ("anthropic", ("anthropic", "claude")),
    (
        "google",
        (
            *("googleapis", "generativelanguage", "gemini", "vertex", "ai.google.dev", "google"),
            *("aiplatform", "ai.studio"),
        ),
    ),
    (
        "openai",
        (
            *("api.openai.com", "platform.openai.com", "help.openai.com", "chatgpt.com", "codex"),
            *(
                "openaiexception",
                "openai-organization",
                "openai api",
                "openai error",
                "gpt-4",
                "gpt-5",
            ),
            *("openai servers", "openai's", "communicating with openai", "openai: ", "from openai"),
            *("the openai", "openai call", "openai refused"),
        ),
    ),
)
_PATTERNS: Final = tuple(
    (provider, re.compile(rf"(?<![a-z0-9])(?:{'|'.join(map(re.escape, marks))})"))
    for provider, marks in _MARKS
)
_ONLY_A_CLIENT: Final = (
    *("openai.apiconnectionerror", "openai.error.", "openai.apierror", "openai.apitimeouterror"),
    *("openai.internalservererror", "openai.badrequesterror", "openai.ratelimiterror"),
    *("openai.notfounderror", "openai.authenticationerror", "openai.permissiondeniederror"),
    *("openai.unprocessableentityerror", "llms.openai", "openai.conflicterror"),
)
"""Names of a client library, which speaks to many providers."""


def normalised_provider(name: object) -> str | None:
    """The one name of the provider that the caller named, or None for nobody.

    An unknown name is one of the many OpenAI-compatible servers.
    """
    if not issubclass(type(name), str):  # an object may lie about its class
        return None
    spelling = "-".join(str(name).casefold().replace("_", " ").replace("-", " ").split())
    if spelling in _NOBODY:
        return None
    return _SPELLINGS.get(spelling) or _SPELLINGS.get(spelling.replace("-", " "), "openai-compat")


def provider_in(text: str) -> str | None:
    """The provider whose marks `text`, lower-case, shows; the more specific one wins."""
    for client in _ONLY_A_CLIENT:
        text = text.replace(client, "")
    return next((provider for provider, marks in _PATTERNS if marks.search(text)), None)
