import type { Page } from "playwright-core";
import { users } from "./world.ts";

/** Signs a demo user in and waits until her page is registered with the IMS. */
export async function signIn(page: Page, url: string, username: (typeof users)[number]["username"]): Promise<void> {
  const user = users.find((one) => one.username === username);
  await page.goto(url);
  await page.getByTestId("sign-in").click();
  await page.getByLabel(/user name/i).fill(username);
  await page.getByLabel(/password/i).fill(user?.password ?? "");
  await page.getByRole("button", { name: /sign in/i }).click();
  await page.locator("[data-testid=ims-state][data-state=registered]").waitFor();
}

/** Dials a number on the phone panel. */
export async function dial(page: Page, number: string): Promise<void> {
  await page.getByTestId("number").fill(number);
  await page.getByTestId("call").click();
}

/** Waits until the page shows a call in this phase. */
export async function callPhase(page: Page, phase: string): Promise<void> {
  await page.locator(`[data-testid=call-card][data-phase=${phase}]`).waitFor();
}

/** SIP messages of a page's W2 socket, as they pass. */
export interface W2Wire {
  readonly sent: string[];
  readonly received: string[];
}

/** Taps every WebSocket with the portal that the page opens from now on. */
export function tapW2(page: Page): W2Wire {
  const wire: W2Wire = { sent: [], received: [] };
  page.on("websocket", (socket) => {
    if (!new URL(socket.url()).pathname.endsWith("/w2")) return;
    socket.on("framesent", ({ payload }) => void wire.sent.push(payload.toString()));
    socket.on("framereceived", ({ payload }) => void wire.received.push(payload.toString()));
  });
  return wire;
}
