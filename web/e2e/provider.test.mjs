// Signing in by an OpenID provider at another site, in Chromium: joining, signing in, linking, and what goes wrong.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { arrive, invitation, openWindow, startBrowser, startQuire } from "./kit.mjs";
import { startProvider } from "./provider.mjs";

let browser, provider, quire;

before(async () => {
  provider = await startProvider({ sub: "bob-1", name: "Bob", email: "bob@example.org", email_verified: true });
  quire = await startQuire({
    QUIRE_OIDC_ISSUER: provider.issuer,
    QUIRE_OIDC_CLIENT_ID: "quire",
    QUIRE_OIDC_NAME: "Example",
  });
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await quire?.stop();
  provider?.stop();
});

test("an invitation, the next sign-in and a second way in all go by the provider", async () => {
  const ada = await arrive(browser, quire.link, "Ada");
  const document = ada.page.url();
  const link = await invitation(ada.page, quire.servers[0]);

  const bob = await openWindow(browser);
  await bob.page.goto(link);
  await bob.page.getByRole("button", { name: "Join with Example" }).click();
  await bob.page.getByRole("link", { name: "Yes" }).click();
  await bob.page.locator(".document-text").waitFor();
  assert.equal(bob.page.url(), document);
  assert.equal(new URL(bob.page.url()).search, "", "no secret stays in the address");

  // On another device, on the way to the document.
  const later = await openWindow(browser);
  await later.page.goto(document);
  await later.page.getByRole("link", { name: "Sign in" }).click();
  await later.page.getByRole("button", { name: "Sign in with Example" }).click();
  await later.page.getByRole("link", { name: "Yes" }).click();
  await later.page.locator(".document-text").waitFor();
  assert.equal(later.page.url(), document);

  // Ada links hers on her account page; Bob's identity is taken.
  await ada.page.goto(`${quire.servers[0]}/account`);
  const setOut = async () => {
    await ada.page.getByRole("button", { name: "Link an identity" }).click();
    await ada.page.getByRole("button", { name: "Go to Example" }).click();
    await ada.page.getByRole("link", { name: "Yes" }).click();
  };
  await setOut();
  await ada.page.getByText("already signs in another account").waitFor();
  provider.claims = { sub: "ada-1", name: "Ada" };
  await ada.page.goto(`${quire.servers[0]}/account`);
  await setOut();
  await ada.page.getByText("Linked.").waitFor();
  // It is her only way in.
  await ada.page.getByRole("button", { name: "Unlink Ada" }).click();
  await ada.page.getByRole("button", { name: "Unlink", exact: true }).click();
  await ada.page.getByText("only way you can sign in").waitFor();
  assert.deepEqual([...ada.faults, ...bob.faults, ...later.faults], []);
});

test("the sign-in page says in words what went wrong, and leads on", async () => {
  provider.claims = { sub: "nobody-1", name: "Nobody" };
  const { page, faults } = await openWindow(browser);
  await page.goto(`${quire.servers[0]}/sign-in`);
  await page.getByRole("button", { name: "Sign in with Example" }).click();
  await page.getByRole("link", { name: "No", exact: true }).click();
  await page.getByText("You did not go through with it").waitFor();
  await page.getByRole("button", { name: "Sign in with Example" }).click();
  await page.getByRole("link", { name: "Yes" }).click();
  await page.getByText("Nobody here has this identity").waitFor();
  await page.goBack();
  await page.goto(`${quire.servers[0]}/api/v1/oidc/callback?state=x&code=y`);
  await page.getByText("begun in another window").waitFor();
  assert.deepEqual(faults, []);
});
