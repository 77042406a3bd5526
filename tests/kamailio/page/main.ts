import { PageTelephone } from "./pageTelephone.ts";

declare global {
  interface Window {
    /** The telephone of the page, for the test to use. */
    telephone: PageTelephone;
  }
}

window.telephone = new PageTelephone();
