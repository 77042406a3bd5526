import { compose, options, request, sdp, type TortureCase } from "./compose.ts";

const long = (unit: string, times: number): string => unit.repeat(times);

/** RFC 4475 §3.1.1: to be taken. */
export const valid: readonly TortureCase[] = [
  {
    name: "wsinv",
    section: "3.1.1.1",
    trait: "folding, white space, capitals, compact forms and quotation marks wherever they may stand",
    source: compose(
      [
        "INVITE sip:ken@acme.test;newparam SIP/2.0",
        "TO :",
        " sip:ken@acme.test ;   tag    = 77aa88",
        'fROM   : "M Jones \\\\\\""       <sip:mary@acme.test>',
        "  ;",
        "  tag = 5xx5",
        "mAx-FoRwArDs: 0068",
        "Call-ID: tortuous.41@192.0.2.44",
        `Content-Length   : ${sdp.length}`,
        "cseq: 0012",
        "  INVITE",
        "Via  : SIP  /   2.0",
        " /UDP",
        "    192.0.2.44;branch=oldstyle1",
        "s :",
        "BrandNewField:   one line",
        " and its continuation",
        "FieldOfDelimiters: ;;,,;;,;",
        "Content-Type: application/sdp",
        "Route:",
        " <sip:out.acme.test;lr;some=value;flag>",
        "v:  SIP  / 2.0  / TCP     edge.acme.test   ;",
        "  branch  =   z9hG4bKfold1  ,",
        " SIP  /    2.0   / UDP  192.0.2.250   ; branch=",
        " z9hG4bKfold2",
        'm:"A \\"quoted\\" name" <sip:mary@acme.test> ; anyparam =',
        "      anyvalue ;",
        "  another ; q = 0.25",
      ],
      sdp,
    ),
  },
  {
    name: "intmeth",
    section: "3.1.1.2",
    trait: "every character that the grammar allows, where it allows it",
    source: request(
      "!Odd-Method0123456789_*+`.%but~valid' sip:odd_User~(of-sorts)&don't+mind$/yes?,/;;*:&pw+is=2,so*$_f.(it's)@acme.test SIP/2.0",
      "Via: SIP/2.0/TCP pc7.acme.test;branch=z9hG4bK-.!%66*_+`'~",
      'To: "\u0007:\\\u0001 NUL:\\\u0002 DEL:\\\u007f" <sip:odd_User~(of-sorts)&don\'t+mind$/yes?,/;;*@acme.test>',
      "From: word1~` word2'+_ word3*%!.- <sip:mary@acme.test>;odd''~+*_!.-%=\"\u0434\u043e\u0431\u0440\u043e\";tag=_t~1'+`*%!-.",
      "Call-ID: odd%ZK-!.*_+'@word`~)(><:\\/\"][?}{",
      "Max-Forwards: 255",
      "newField-!.%*+_`'~:\ufeff\u5927\u505c\u96fb",
    ),
  },
  {
    name: "esc01",
    section: "3.1.1.3",
    trait: "escapes in user parts, URI parameter names and values",
    source: compose(
      [
        "INVITE sip:sip%3Aken%40acme.test@acme.example SIP/2.0",
        "To: sip:%6Be%6E@acme.test",
        "From: <sip:Mary%20from%20Acme@acme.test>;tag=938x",
        "Max-Forwards: 87",
        "i: escapes.11@pc7.acme.test",
        "CSeq: 7 INVITE",
        "Via: SIP/2.0/UDP pc7.acme.test;branch=z9hG4bKesc1",
        "C: application/sdp",
        "Contact:",
        "  <sip:m%61ry@pc7.acme.test;%6C%72;p%61r=v%61l%25%34%31>",
        `Content-Length: ${sdp.length}`,
      ],
      sdp,
    ),
  },
  {
    name: "escnull",
    section: "3.1.1.4",
    trait: "an escaped NUL inside a URI",
    source: request(
      "REGISTER sip:acme.test SIP/2.0",
      "To: sip:zero-%00-zero@acme.test",
      "From: sip:zero-%00-zero@acme.test;tag=00",
      "Contact: <sip:%00@pc7.acme.test>",
      "Contact: <sip:%00%00@pc7.acme.test>",
    ),
  },
  {
    name: "esc02",
    section: "3.1.1.5",
    trait: "percent signs that are no escapes: in a method, a header name, a display name",
    source: request(
      "SEND%45 sip:acme.test SIP/2.0",
      'To: "%X%41" <sip:ken@acme.test>',
      'From: "%X%41" <sip:mary@acme.test>;tag=f2',
      "Via: SIP/2.0/TCP pc7.acme.test;branch=z9hG4bK20%fznot",
      "Contact: <sip:one@pc7.acme.test>",
      "C%6Fntact: <sip:two@pc7.acme.test>",
    ),
  },
  {
    name: "lwsdisp",
    section: "3.1.1.6",
    trait: "no white space between a display name and its bracket",
    source: options("From: mary<sip:mary@acme.test>;tag=323"),
  },
  {
    name: "longreq",
    section: "3.1.1.7",
    trait: "long values of all kinds",
    source: compose(
      [
        "INVITE sip:ken@acme.test SIP/2.0",
        `To: "My name is ${long("long", 40)}"<sip:ken@acme.test:6000;p1=${long("very", 30)};p2=${long("long", 40)}>`,
        `F: sip:${long("mary", 50)}@acme.test;tag=${long("12", 40)};x${long("name", 30)}=y${long("value", 30)};flag`,
        `Call-ID: long.${long("really", 60)}`,
        "CSeq: 3882340 INVITE",
        `X-${long("Very", 20)}-Long-Name: ${long("value ", 50)}end`,
        `Via: SIP/2.0/TCP pc7.acme.test;branch=z9hG4bK${long("branch", 40)}`,
        ...Array.from(
          { length: 33 },
          (_, hop) => `v: SIP/2.0/TCP hop${hop}.acme.test;branch=z9hG4bK${long("a", hop * 5)}`,
        ),
        "Max-Forwards: 70",
        `Contact: <sip:${long("mary", 60)}@pc7.acme.test>`,
        "Content-Type: application/sdp",
        `l: ${sdp.length}`,
      ],
      sdp,
    ),
  },
  {
    name: "dblreq",
    section: "3.1.1.8",
    trait: "octets behind the body, which are not part of the message",
    source:
      request("REGISTER sip:acme.test SIP/2.0", "Contact: <sip:mary@pc7.acme.test>") +
      request("INVITE sip:ken@acme.test SIP/2.0", "Contact: <sip:mary@pc7.acme.test>"),
  },
  {
    name: "semiuri",
    section: "3.1.1.9",
    trait: "a semicolon in the user part",
    source: request("OPTIONS sip:ken;ext=u%40b@acme.test SIP/2.0", "Accept: application/sdp,", "        message/sip"),
  },
  {
    name: "transports",
    section: "3.1.1.10",
    trait: "transports known and unknown",
    source: options(
      "Via: SIP/2.0/UDP a.acme.test;branch=z9hG4bK1",
      "Via: SIP/2.0/SCTP b.acme.test;branch=z9hG4bK2",
      "Via: SIP/2.0/TLS c.acme.test;branch=z9hG4bK3",
      "Via: SIP/2.0/PIGEON d.acme.test;branch=z9hG4bK4",
      "Via: SIP/2.0/TCP e.acme.test;branch=z9hG4bK5",
    ),
  },
  {
    name: "mpart01",
    section: "3.1.1.11",
    trait: "a multipart body with binary octets and a lone line feed",
    source: (() => {
      const body =
        "--cut\r\n\r\nhello\n\r\n--cut\r\nContent-Type: application/octet-stream\r\n\r\n\0\u00ff\r\u00fe\n\r\n--cut--\r\n";
      const head = [
        "Content-Type: multipart/mixed;boundary=cut",
        `Content-Length: ${body.length}`,
        "Contact: <sip:mary@pc7.acme.test>",
      ];
      return request("MESSAGE sip:ken@acme.test SIP/2.0", ...head) + body;
    })(),
  },
  {
    name: "unreason",
    section: "3.1.1.12",
    trait: "a reason phrase of delimiters and of another script",
    source: compose([
      "SIP/2.0 200 = 2*3 + \u0431\u043e\u043b\u044c\u0448\u0435",
      "Via: SIP/2.0/UDP 192.0.2.44;branch=z9hG4bKr1",
      "Call-ID: reason.1",
      "CSeq: 35 INVITE",
      "From: sip:mary@acme.test;tag=1",
      "To: sip:ken@acme.test;tag=2",
      "Content-Length: 0",
    ]),
  },
  {
    name: "noreason",
    section: "3.1.1.13",
    trait: "an empty reason phrase",
    source: compose([
      "SIP/2.0 100 ",
      "Via: SIP/2.0/UDP 192.0.2.105;branch=z9hG4bKr2",
      "Call-ID: reason.2",
      "CSeq: 35 INVITE",
      "From: sip:mary@acme.test;tag=1",
      "To: sip:ken@acme.test;tag=2",
      "Content-Length: 0",
    ]),
  },
];
