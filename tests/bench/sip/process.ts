import { repeatFor } from "../repeat.ts";
import { serve } from "../serve.ts";
import { messageBytes, type MessageName } from "./messages.ts";
import { relays, type RelayName } from "./relays.ts";

// Process under test: one SIP stack and one message. Arguments: relay, message.
const [, , relay, message] = process.argv as [string, string, RelayName, MessageName];
const run = await relays[relay].load();
const bytes = messageBytes(message);

serve({ run: (ms: number): number => repeatFor(ms, () => void run(bytes)) });
