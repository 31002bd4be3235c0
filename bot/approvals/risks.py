"""Which approvals do harm when they are given by mistake, told by what they say of themselves.

Neo has no field for it, so every text of the request is read: the tool, the wish, the agent's name,
names and values of fields at every depth. What is in doubt is a risk, for a false alarm costs
somebody a typed number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cachetools import LRUCache

from bot.neo.models import Approval
from bot.policies import Risk
from cards import labels
from cards.card import plain

_WHY: Final = {
    Risk.DELETE: "It deletes something or takes it away.",
    Risk.PASSWORD_RESET: "It resets a password or another way to sign in.",
    Risk.LICENCE_CHANGE: "It changes a licence.",
    Risk.RMM_SCRIPT: "It runs a script or a command on a machine.",
    Risk.EXTERNAL_API: "It calls an outside API.",
}
_TOOLS: Final = (
    "tool", "tool_name", "tool_type_name", "tool_type", "toolname", "tooltype", "tooltypename",
    "function_name", "function",
)  # fmt: skip
_NAMES: Final = ("name", "tool_type_name", "tool_name", "type", "display_name")


def why(risk: Risk) -> str:
    """The risk in words for a card, one sentence."""
    return _WHY[risk]


def client_of(approval: Approval) -> str:
    """The client company that it is about; empty if nothing names one."""
    return labels.client(approval, approval.requested_for)


def tool_of(approval: Approval) -> str:
    """The tool that would be used, as Neo names it; empty if the request names none.

    The name nearest to the request's top counts.
    """
    level: list[Any] = [approval.requested_for, approval.model_extra]
    while level:
        for held in level:
            if isinstance(held, Mapping) and (name := _tool_in(held)):
                return name
        level = [part for held in level for part in _parts(held)]
    return ""


def _folded(key: object) -> str:
    return str(key).lower().replace("-", "_").replace(" ", "_")


def _tool_in(held: Mapping[str, Any]) -> str:
    keys = {_folded(key): key for key in held}
    for known in _TOOLS:
        found = held.get(keys[known]) if known in keys else None
        if isinstance(found, Mapping):
            found = next((found[name] for name in _NAMES if found.get(name)), None)
        if isinstance(found, str) and plain(found):
            return plain(found, 120)
    return ""


def _parts(held: Any) -> list[Any]:
    if isinstance(held, Mapping):
        return list(held.values())
    return list(held) if isinstance(held, list | tuple) else []


def risks(approval: Approval) -> frozenset[Risk]:
    """Every kind of risk that the approval shows signs of."""
    try:
        wording = approval.digest
    except ValueError:  # it nests deeper than can be fingerprinted
        return _read(approval)
    # Every drawing and every click asks, and reading all of it takes a millisecond.
    found = _KNOWN.get(wording)
    if found is None:
        found = _KNOWN[wording] = _read(approval)
    return found


_KNOWN: Final = LRUCache[str, frozenset[Risk]](maxsize=4096)


def _read(approval: Approval) -> frozenset[Risk]:
    tool = _both_ways(tool_of(approval))
    names = [tool, _both_ways(approval.agent_name or "")]
    texts = [*names, _both_ways(approval.comment or "")]
    keys: list[str] = []
    calls_out = False
    for key, value in _values([approval.requested_for, approval.model_extra]):
        keys.append(worded(key))
        texts.append(f"{_both_ways(key)} {_both_ways(value)}")
        calls_out |= _calls_out(keys[-1], value)
    found = {
        risk
        for risk, signs in _SIGNS.items()
        if any(map(signs.in_text, texts))
        or any(map(signs.names.search, [*names, *keys]))
        or (signs.tool.search(tool) and not _READS.search(tool))
    }
    return frozenset(found | ({Risk.EXTERNAL_API} if calls_out else set()))


def _values(roots: list[Any]) -> Iterator[tuple[str, str]]:
    """Every single value under the name of its field, at any depth."""
    waiting = [("", root) for root in roots]
    while waiting:
        key, held = waiting.pop()
        if isinstance(held, Mapping):
            # An object or a list says something by its name even where it is empty.
            yield key, ""
            waiting += [(str(name), part) for name, part in held.items()]
        elif isinstance(held, list | tuple):
            yield key, ""
            waiting += [(key, part) for part in held]
        else:
            yield key, "" if held is None else str(held)


def worded(text: str) -> str:
    """Its words in small letters with one space between: "ResetADPassword" -> "reset ad password".

    Letters that only look different, and what cannot be seen between them, make no difference.
    """
    seen = unicodedata.normalize("NFKC", text)
    kept = "".join(c for c in seen if unicodedata.category(c) not in {"Cf", "Mn"})
    return " ".join(_NO_WORD.split(_HUMP.sub(" ", kept))).casefold().strip()


def _both_ways(text: str) -> str:
    """With its humps as words of their own, and without: "PowerShell" is one word."""
    split, whole = worded(text), worded(text.lower())
    return split if split == whole else f"{split} {whole}"


_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NO_WORD = re.compile(r"[\W_]+")


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns))


def _words(text: str) -> str:
    """A pattern for whole words; a word that ends in ``*`` goes on as it likes."""
    return rf"\b(?:{'|'.join(text.replace('*', '[a-z]*').split())})\b"


_NEVER: Final = re.compile(r"(?!)")


@dataclass(frozen=True, slots=True)
class _Signs:
    """What gives a risk away, in words as `_worded` makes them.

    Attributes:
        alone: Enough wherever it stands.
        both: Enough where both of a pair stand in one text.
        names: Enough in the name of a tool, an agent or a field.
        tool: Enough in the name of a tool that does not only read.
    """

    alone: re.Pattern[str] = _NEVER
    both: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = ()
    names: re.Pattern[str] = _NEVER
    tool: re.Pattern[str] = _NEVER

    def in_text(self, text: str) -> bool:
        return bool(self.alone.search(text)) or any(
            one.search(text) and other.search(text) for one, other in self.both
        )


_READS: Final = _any(_words("get list read find search check lookup look query show describe"))

_DELETES: Final = _any(
    # Names run together are found as well: "deviceWipe", "deleteuser".
    r"delet|remov(?:e|ing|al)|purg(?:e|ing)|(?<!s)wip(?:e|ing)",
    _words(
        "eras(?:e|es|ed|ing|ure) destroy* destruct* shred* scrub* expung* truncat* nuke* trash* "
        "discard* decommission* deprovision* offboard* offboarding terminat* reimag* reformat* "
        "unenrol* unregister* unassign* deregister* uninstall* overwrit* prun(?:e|es|ed|ing) "
        "retir(?:e|es|ed|ing) revok(?:e|es|ed|ing) revocation rmdir cleanup strip strips detach*"
    ),
    r"\b(?:off board(?:ing|s)?|de provision\w*|re imag\w*|tear(?:s|ing)? down|factory reset|"
    r"clean(?:s|ing)? (?:up|out)|clear(?:s|ing)? out|get(?:s|ting)? rid|rm r?f|rm r|take away|"
    r"(?:drop|format|empty|clear)(?:s|p?t?ing)? (?:\w+ ){0,4}(?:bins?|caches?|columns?|data|"
    r"databases?|dis[ck]s?|drives?|dumps?|files?|folders?|history|indexe?s?|junk|logs?|mailbox|"
    r"mailboxes|partitions?|profiles?|queues?|snapshots?|tables?|temp|trash|volumes?))\b",
)
_SHUTS: Final = _any(
    _words(
        "disabl(?:e|es|ing) deactivat(?:e|es|ing|ion) suspend suspends suspending block blocks "
        "blocking close closes closing lock locks locking quarantine isolate"
    )
)
_ACCOUNTS: Final = _any(
    _words(
        "account accounts user users guest guests mailbox mailboxes identity login logins device "
        "devices machine machines computer laptop tenant access"
    ),
    r"\b(?:sign|log) ?ins?\b",
)
_SECRETS: Final = _any(
    r"pass(?:words?|phrases?|codes?)",
    _words(
        "passkey* pwd pwds passwd credential* secret secrets mfa 2fa otp totp authenticator* pin "
        "pins fido fido2 laps krbtgt sspr token tokens"
    ),
    r"\b(?:(?:multi|two|second) ?factors?|security keys?|api keys?|access keys?|recovery keys?|"
    r"(?:sign ?in|authentication|auth) methods?|certificates?|private keys?)\b",
)
_RESETS: Final = _any(
    r"(?<!p)reset",
    _words(
        "chang(?:e|es|ing) rotat* roll rolls rolling renew* regenerat* generat(?:e|es|ing) force* "
        "set sets setting new disabl* deactivat* remov* delet* re replac(?:e|es|ing) updat* clear "
        "clears clearing expire revok* bypass* exclud* exempt* skip* issue issues issuing "
        "reissue* reregister* register* enrol* off recover* wipe* unset overwrit* swap*"
    ),
)
_LICENCES: Final = _any(
    r"(?:re|un|sub)?licen[cs]",
    _words("sku skus seat seats subscription subscriptions entitlement entitlements copilot"),
    r"\b(?:e[135]|f[13]|p[12]|business (?:basic|standard|premium)|plan [1-5])\b",
)
_CHANGES: Final = _any(
    _words(
        "assign* unassign* reassign* add adds adding remov* delet* buy buys buying purchas* order "
        "orders ordering mov(?:e|es|ing) transfer* chang(?:e|es|ing) upgrad* downgrad* free frees "
        "freed freeing revok* cancel* give gives giving grant* take takes taking switch* swap* "
        "reduc* increas* renew* return returns release releases releasing convert* activat* "
        "deactivat* extend* allocat* reclaim* provision* deprovision* set sets updat* drop drops "
        "replac* reharvest* harvest* enabl(?:e|es|ing) disabl* strip strips pull pulls"
    )
)
_RMMS: Final = _any(
    _words(
        "rmm ninja ninjaone ninjarmm datto labtech automate kaseya vsa atera syncro action1 tanium "
        "pdq screenconnect automox ncentral nable"
    ),
    r"\b(?:n (?:able|central|sight)|connectwise (?:automate|control|rmm)|cw (?:automate|rmm))\b",
)
_RUNS: Final = _any(
    _words(
        "run runs running exec execut* script* component* job jobs task tasks procedure* deploy* "
        "install* push* reboot* restart* shutdown launch* start* trigger* command* patch*"
    )
)
_MACHINES: Final = _any(
    _words(
        "server servers machine machines workstation* computer computers device devices host hosts "
        "laptop laptops endpoint endpoints vm vms pc pcs controller firewall router switch nas dc"
    )
)

_SIGNS: Final = {
    Risk.DELETE: _Signs(alone=_DELETES, both=((_SHUTS, _ACCOUNTS),)),
    Risk.PASSWORD_RESET: _Signs(both=((_SECRETS, _RESETS),)),
    Risk.LICENCE_CHANGE: _Signs(
        both=((_LICENCES, _CHANGES),), names=_any(r"licen[cs]", r"\bskus?\b")
    ),
    Risk.RMM_SCRIPT: _Signs(
        alone=_any(
            _words(
                "(?:run|exec|execute|ps|vb|remote|rmm|shell)?scripts? scripting scriptlet* "
                "powershell pwsh bash cmd ps1 vbs psexec winrm registry msiexec sudo rmdir "
                "iex cscript wscript"
            ),
            r"\b(?:rm r?f|shell command|command line|batch file|scheduled tasks?|cron ?jobs?|"
            r"agent procedure|invoke (?:command|expression))\b",
        ),
        both=(
            (_RMMS, _RUNS),
            (
                _any(_words("reboot* restart* shutdown"), r"\b(?:shut|power)\w* (?:down|off)\b"),
                _MACHINES,
            ),
            (
                _any(_words("run runs running remote execut* send sends invok*")),
                _any(r"\bcommands?\b"),
            ),
        ),
        tool=_any(_RMMS.pattern, _words("command commands exec execute shell ssh remote")),
    ),
    Risk.EXTERNAL_API: _Signs(
        alone=_any(
            r"\b(?:external|outside|third party|3rd party|foreign|custom|rest|web|http|https) "
            r"?apis?\b",
            r"\bapi (?:calls?|requests?|endpoints?)\b|\bhttps? (?:requests?|calls?|posts?|gets?)\b",
            r"\bweb ?hooks?\b|\binvoke (?:rest method|web request)\b|\bexternal ?requests?\b",
            _words("curl wget externalapi httprequest apirequest graphql"),
            r"\b(?:get|post|put|patch|delete|head|options) https?\b",
        ),
    ),
}

_ADDRESSES: Final = _any(
    r"^(?:(?:full|base|request|target|api|hook|callback|post|call|external) )*"
    r"(?:url|uri|endpoint|address)$"
)


def _calls_out(key: str, value: str) -> bool:
    """Whether the field names the address of a call: "url", "request_url", not "ticket_url"."""
    return bool(_ADDRESSES.search(key)) and "://" in value
