import { AcmeError, type AcmeErrorCode } from "./errors.ts";

const escapes: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

const escape = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => escapes[character] ?? "");

/** The frame of the pages that need no script: sign-in, signing out, errors. */
function page(title: string, body: string, head = ""): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>${title} – Acme Talk</title>
    <link rel="icon" href="/assets/icon.svg" type="image/svg+xml" />
    <link rel="stylesheet" href="/assets/page.css" />${head}
  </head>
  <body>
    <main class="sheet">
      <p class="brand"><img src="/assets/icon.svg" alt="" width="32" height="32" /> Acme Talk</p>
${body}
    </main>
  </body>
</html>
`;
}

/** The sign-in form. @param problem why the last attempt failed; @param username what was typed then. */
export function signInPage(problem = "", username = ""): string {
  const alert = problem === "" ? "" : `\n      <p class="alert" role="alert" id="problem">${escape(problem)}</p>`;
  const described = problem === "" ? "" : ' aria-describedby="problem" aria-invalid="true"';
  const focus = username === "" ? ["autofocus", ""] : ["", "autofocus"];
  return page(
    "Sign in",
    `      <h1>Sign in</h1>
      <p>Use your Acme account.</p>${alert}
      <form method="post" data-testid="sign-in-form">
        <label for="username">User name</label>
        <input id="username" name="username" value="${escape(username)}" autocomplete="username" autocapitalize="none"
          spellcheck="false" maxlength="64" required${described} ${focus[0]} />
        <label for="password">Password</label>
        <input id="password" name="password" type="password" autocomplete="current-password" maxlength="256"
          required${described} ${focus[1]} />
        <button type="submit">Sign in</button>
      </form>`,
  );
}

/** The one script of these pages: the identity provider's form needs nobody to press its button. */
export const submitScript = "document.forms[0].submit();\n";

/** Sends the identity provider's own form at once; the button is for browsers without scripts. */
export function signingOutPage(form: string): string {
  const button = `<input type="hidden" name="logout" value="yes" /><button type="submit">Sign out</button></form>`;
  return page(
    "Signing out",
    `      <h1>Signing out</h1>
      ${form.replace("</form>", button)}`,
    '\n    <script src="/assets/submit.js" defer></script>',
  );
}

export function signedOutPage(): string {
  return page(
    "Signed out",
    `      <h1>You are signed out</h1>
      <p><a class="button" href="/">Back to the start</a></p>`,
  );
}

export function errorPage(code: AcmeErrorCode): string {
  const { title, detail, remedy } = new AcmeError(code).toProblem();
  return page(
    title,
    `      <h1>${escape(title)}</h1>
      <p>${escape(detail)} ${escape(remedy)}</p>
      <p><a class="button" href="/">Back to the start</a></p>`,
  );
}
