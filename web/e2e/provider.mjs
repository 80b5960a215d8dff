// A small OpenID provider at another site than Quire: a page that asks, a token that is really signed.
import { Buffer } from "node:buffer";
import { createHash, generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { createServer } from "node:http";
import { URLSearchParams } from "node:url";

/** `claims` is who is signed in there; set it anew to be somebody else. */
export async function startProvider(claims) {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const codes = new Map();
  const provider = { claims, issuer: "", stop: () => { server.close(); } };
  const server = createServer((request, response) => {
    void answer(request).then(([status, headers, body]) => { response.writeHead(status, headers).end(body); });
  });

  async function answer(request) {
    const url = new URL(request.url, provider.issuer);
    switch (url.pathname) {
      case "/.well-known/openid-configuration":
        return json({
          issuer: provider.issuer,
          authorization_endpoint: `${provider.issuer}/authorize`,
          token_endpoint: `${provider.issuer}/token`,
          jwks_uri: `${provider.issuer}/keys`,
          response_types_supported: ["code"],
          subject_types_supported: ["public"],
          id_token_signing_alg_values_supported: ["RS256"],
        });
      case "/keys":
        return json({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "one", use: "sig", alg: "RS256" }] });
      case "/authorize": {
        const { searchParams: asked } = url;
        const code = randomUUID();
        codes.set(code, { nonce: asked.get("nonce"), challenge: asked.get("code_challenge") });
        const back = (answer) => {
          const to = new URL(asked.get("redirect_uri"));
          to.search = new URLSearchParams({ state: asked.get("state"), ...answer }).toString();
          return to.href.replaceAll("&", "&amp;");
        };
        const page = `<title>Example</title><a href="${back({ code })}">Yes</a> <a href="${back({ error: "access_denied" })}">No</a>`;
        return [200, { "content-type": "text/html" }, page];
      }
      case "/token": {
        let body = "";
        for await (const bytes of request) body += bytes;
        const shown = new URLSearchParams(body);
        const grant = codes.get(shown.get("code"));
        codes.delete(shown.get("code"));
        const challenge = createHash("sha256").update(shown.get("code_verifier") ?? "").digest("base64url");
        if (grant?.challenge !== challenge) return json({ error: "invalid_grant" }, 400);
        return json({ access_token: "never used", token_type: "Bearer", id_token: tokenFor(grant.nonce) });
      }
      default:
        return json({}, 404);
    }
  }

  function tokenFor(nonce) {
    const now = Math.floor(Date.now() / 1000);
    const whole = { ...provider.claims, iss: provider.issuer, aud: "quire", nonce, iat: now, exp: now + 300 };
    const text = [{ alg: "RS256", kid: "one" }, whole].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
    return `${text}.${sign("sha256", Buffer.from(text), privateKey).toString("base64url")}`;
  }

  await new Promise((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  // Quire is at 127.0.0.1: to a browser this is another site.
  provider.issuer = `http://localhost:${server.address().port}`;
  return provider;
}

function json(value, status = 200) {
  return [status, { "content-type": "application/json" }, JSON.stringify(value)];
}
