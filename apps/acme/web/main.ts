import { AcmeApp } from "./ui/app.ts";
import { AcmeCallCard } from "./ui/callCard.ts";
import { AcmeColleagues } from "./ui/colleagues.ts";
import { AcmeDialPad } from "./ui/dialPad.ts";
import { AcmeIncoming } from "./ui/incoming.ts";
import { AcmeLanding } from "./ui/landing.ts";
import { AcmePhone } from "./ui/phone.ts";
import { AcmeSpeedDials } from "./ui/speedDials.ts";
import { AcmeStatusBar } from "./ui/statusBar.ts";

const elements = {
  "acme-call-card": AcmeCallCard,
  "acme-colleagues": AcmeColleagues,
  "acme-dial-pad": AcmeDialPad,
  "acme-incoming": AcmeIncoming,
  "acme-landing": AcmeLanding,
  "acme-phone": AcmePhone,
  "acme-speed-dials": AcmeSpeedDials,
  "acme-status-bar": AcmeStatusBar,
  // Last: it makes the others.
  "acme-app": AcmeApp,
};
for (const [name, element] of Object.entries(elements)) customElements.define(name, element);
