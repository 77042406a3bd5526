import type { Subscription } from "./hss/subscription.ts";

type Telephone = Subscription & { readonly password: string };

/** Two users of ordinary telephones at the home network. */
export const firstTelephone: Telephone = {
  impi: "phone1@ims.test",
  impu: "sip:phone1@ims.test",
  tel: "+12025550161",
  password: "first-secret",
};

export const secondTelephone: Telephone = {
  impi: "phone2@ims.test",
  impu: "sip:phone2@ims.test",
  tel: "+12025550162",
  password: "second-secret",
};
