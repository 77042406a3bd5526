/** A configuration that fits; ports are chosen by the system. */
export const good: string = `
publicUrl: https://portal.example
listen: { address: 127.0.0.1, port: 0 }
home:
  domain: ims.test
  entryPoint: sip:127.0.0.1:5060
  protocol: TCP
mw: { address: 127.0.0.1, port: 0, peers: [127.0.0.1] }
media:
  access: [{ bind: 127.0.0.1 }]
  accessPort: 0
  coreAddress: 127.0.0.1
  corePorts: [41000, 41099]
  latchCore: false
data: ./data
accessTokenSeconds: 3600
maxExpiresSeconds: 3600
graceSeconds: 32
emergencyNumbers: ["112"]
dialPlan: { internationalPrefix: "00" }
tenants:
  - id: acme
    name: Acme
    clients:
      - clientId: talk.acme.example
        authentication: { method: private_key_jwt, jwksUri: https://talk.acme.example/jwks }
    identityProviders:
      - { issuer: https://talk.acme.example/idp, jwksUri: https://talk.acme.example/idp/jwks, audience: web }
    origins: [https://talk.acme.example]
    services: [voice]
    blocks:
      - { id: main, domain: acme.ims.test, count: 10, assignment: sticky, quarantineSeconds: 60 }
    limits: { sessionsPerUser: 3 }
    contract: { until: "2030-01-01T00:00:00Z" }
    state: active
`;
