// Asks for the living part of the page every two seconds while somebody looks at it.
"use strict";

const EVERY = 2000;
const live = document.getElementById("live");

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch("/live", { cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    live.innerHTML = await answer.text();
    live.classList.remove("stale");
  } catch {
    live.classList.add("stale");
  }
}

async function forever() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, EVERY));
    await refresh();
  }
}

document.addEventListener("visibilitychange", refresh);
forever();
