import { dtlsFigure } from "./agw/dtlsFigure.ts";
import { relayFigure } from "./agw/relayFigure.ts";
import { callFigure } from "./edge/callFigure.ts";
import { memoryFigure, registerFigure } from "./edge/figures.ts";
import { tokenFigure } from "./edge/tokenFigure.ts";
import type { Figure } from "./figure.ts";
import type { GrowthFigure } from "./growth.ts";
import { leaseFigure } from "./store/figure.ts";
import { roundTripFigure } from "./sdp/figure.ts";
import { costFigure } from "./sip/costFigure.ts";
import { sipFigure } from "./sip/figure.ts";

/** Every figure of the project, in the order of the report; undefined: not measured yet. */
export const figures: Readonly<Record<string, Figure | GrowthFigure | undefined>> = {
  "edge.register.tcp": registerFigure("TCP", ["UDP", "TCP"]),
  "edge.register.udp": registerFigure("UDP", ["UDP"]),
  "edge.call.tcp": callFigure,
  "edge.token": tokenFigure,
  "edge.setup.p50": undefined,
  "edge.setup.p99": undefined,
  "edge.memory.ws": memoryFigure(false),
  "edge.memory.wss": memoryFigure(true),
  "agw.relay.cm": relayFigure("cm"),
  "agw.relay.gcm": relayFigure("gcm"),
  "agw.dtls": dtlsFigure,
  "agw.opus": undefined,
  "agw.memory": undefined,
  "sip.register": sipFigure("register"),
  "sip.invite": sipFigure("invite"),
  "sip.bye": sipFigure("bye"),
  "sip.cost": costFigure,
  "sdp.roundtrip": roundTripFigure,
  "store.lease.sqlite.100": leaseFigure("sqlite", 100),
  "store.lease.sqlite.100k": leaseFigure("sqlite", 100_000),
  "store.lease.postgres.100": leaseFigure("postgres", 100),
  "store.lease.postgres.100k": leaseFigure("postgres", 100_000),
  "wic.ready": undefined,
  "wic.audio": undefined,
};
