// Lets the page load without a network: hashed assets and the one HTML page are kept, API answers never.
// With a network the HTML page always comes from the server, and each time the kept assets follow it.
const CACHE = "quire-page-1";
const PAGE = "/index.html";
const LIST = "/precache.json";
const EXTRAS = ["/icon.svg"];

self.addEventListener("install", (event) => {
  event.waitUntil(keepPage().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(dropOtherCaches().then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  // Among these is the way back from the sign-in provider, with a cookie that must arrive.
  if (url.pathname.startsWith("/api/")) return;
  if (request.mode === "navigate") event.respondWith(navigate(event));
  else if (url.pathname.startsWith("/assets/")) event.respondWith(fromCacheFirst(request));
  else if (EXTRAS.includes(url.pathname)) event.respondWith(fromNetworkFirst(request));
});

async function navigate(event) {
  try {
    const answer = await fetch(event.request);
    if (answer.ok) event.waitUntil(keepPage().catch(() => undefined));
    return answer;
  } catch (error) {
    const kept = await caches.match(PAGE);
    if (kept === undefined) throw error;
    return kept;
  }
}

async function fromCacheFirst(request) {
  return (await caches.match(request)) ?? fetch(request);
}

async function fromNetworkFirst(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await caches.match(request);
    if (kept === undefined) throw error;
    return kept;
  }
}

// The page is replaced only when every asset that it names is kept, so that what is kept always fits together.
async function keepPage() {
  const [list, page] = await Promise.all([fetch(LIST, { cache: "no-cache" }), fetch(PAGE, { cache: "no-cache" })]);
  if (!list.ok || !page.ok) return;
  const wanted = [...(await list.json()).assets, ...EXTRAS];
  const cache = await caches.open(CACHE);
  const held = (await cache.keys()).map((request) => new URL(request.url).pathname);
  await cache.addAll(wanted.filter((path) => !held.includes(path)));
  const text = await page.clone().text();
  const named = text.match(/\/assets\/[\w.-]+/g) ?? [];
  if (!named.every((path) => wanted.includes(path))) return;
  await cache.put(PAGE, page);
  await dropOld(cache, held, wanted);
}

// Assets of older builds go, except those that an open page of the build before may still load.
async function dropOld(cache, held, wanted) {
  const open = await self.clients.matchAll({ type: "window" });
  if (open.length > 1) return;
  const old = held.filter((path) => path !== PAGE && !wanted.includes(path));
  await Promise.all(old.map((path) => cache.delete(path)));
}

async function dropOtherCaches() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name)));
}
