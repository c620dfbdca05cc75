"""The pages of signing in: plain HTML that needs no script, in light and dark."""

from html import escape

STYLE = """
:root { color-scheme: light dark; --ground: #f2f3f3; --card: #fff; --text: #0f141a; --soft: #565c68; --line: #8c8c94;
  --accent: #006ce0; --accent-text: #fff; --error: #d6001c; --error-ground: #fff5f6; }
@media (prefers-color-scheme: dark) { :root { --ground: #0f141a; --card: #1b232d; --text: #ebebf0; --soft: #a4a9b4;
  --line: #656871; --accent: #42b4ff; --accent-text: #0f141a; --error: #ff7a7a; --error-ground: #2d1517; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--ground);
  color: var(--text); font: 1rem/1.5 "Open Sans", system-ui, sans-serif; }
main { width: 100%; max-width: 25rem; background: var(--card); border-radius: 1rem; padding: 2rem;
  box-shadow: 0 1px 8px rgb(0 0 0 / 12%); }
h1 { margin: 0 0 .25rem; font-size: 1.5rem; line-height: 1.25; }
p { margin: 0 0 1.25rem; color: var(--soft); }
label { display: block; font-weight: 600; margin-bottom: .25rem; }
input { width: 100%; font: inherit; color: inherit; background: transparent; padding: .5rem .75rem;
  border: 1px solid var(--line); border-radius: .5rem; margin-bottom: 1rem; }
button { width: 100%; font: inherit; font-weight: 700; padding: .6rem 1.25rem; border: 0; border-radius: 1.25rem;
  background: var(--accent); color: var(--accent-text); cursor: pointer; }
input:focus-visible, button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.error { color: var(--error); background: var(--error-ground); border: 1px solid var(--error); border-radius: .5rem;
  padding: .6rem .75rem; }
button.second { margin-top: .75rem; background: transparent; color: var(--accent); border: 2px solid var(--accent); }
code { font-size: 1.1em; letter-spacing: .05em; }
"""


def sign_in_page(
    *, client: str, action: str, hidden: dict[str, str], name: str = "", error: str | None = None, nonce: str
) -> str:
    """The form for name and development password. `hidden` are the members of the authorization request."""
    fields = "".join(_hidden(member, value) for member, value in hidden.items())
    return _page(
        "Sign in",
        f"""<h1>Sign in</h1>
<p>to continue to {escape(client)}</p>
{_alert(error)}<form method="post" action="{escape(action)}">{fields}
{_name_and_password(name, error)}<button type="submit">Sign in</button>
</form>""",
        nonce,
    )


def device_page(*, action: str, user_code: str, name: str = "", error: str | None = None, nonce: str) -> str:
    """The form for the code that a client showed, name and development password."""
    return _page(
        "Enter the code",
        f"""<h1>Enter the code</h1>
<p>that the program you are signing in to shows you. Do not enter one that somebody sent you.</p>
{_alert(error)}<form method="post" action="{escape(action)}">
<label for="user_code">Code</label>
<input id="user_code" name="user_code" autocomplete="off" autocapitalize="characters" spellcheck="false" required
 value="{escape(user_code)}"{"" if user_code else " autofocus"}>
{_name_and_password(name, error, focus=bool(user_code))}<button type="submit">Continue</button>
</form>""",
        nonce,
    )


def decision_page(
    *, action: str, ticket: str, user_code: str, client: str, name: str, scopes: list[str], nonce: str
) -> str:
    """What would be allowed to whom, and the two answers."""
    reach = ", ".join(scopes) or "your accounts and permission sets"
    return _page(
        "Allow access?",
        f"""<h1>Allow access?</h1>
<p><strong>{escape(client)}</strong> wants to act for {escape(name)}: {escape(reach)}.</p>
<p>Allow it only if it shows this code: <code>{escape(user_code)}</code></p>
<form method="post" action="{escape(action)}">{_hidden("ticket", ticket)}
<button type="submit" name="decision" value="allow">Allow access</button>
<button type="submit" name="decision" value="deny" class="second">Deny access</button>
</form>""",
        nonce,
    )


def message_page(title: str, text: str, nonce: str) -> str:
    """A page that says one thing."""
    return _page(title, f"<h1>{escape(title)}</h1>\n<p>{escape(text)}</p>", nonce)


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'


def _alert(error: str | None) -> str:
    return f'<p class="error" role="alert" id="error">{escape(error)}</p>' if error else ""


def _name_and_password(name: str, error: str | None, *, focus: bool = True) -> str:
    described = ' aria-describedby="error" aria-invalid="true"' if error else ""
    return f"""<label for="name">Name</label>
<input id="name" name="name" autocomplete="username" autocapitalize="none" spellcheck="false" required
 value="{escape(name)}"{described}{" autofocus" if focus and not name else ""}>
<label for="password">Development password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required{described}\
{" autofocus" if name else ""}>
"""


def _page(title: str, content: str, nonce: str) -> str:
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} · local data plane</title><style nonce="{nonce}">{STYLE}</style></head>
<body><main>
{content}
</main></body></html>
"""
