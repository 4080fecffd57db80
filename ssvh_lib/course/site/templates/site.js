"use strict";
// Search, copying of code, and the place in the contents. Without this script the site can still be read.
(() => {
  const root = document.documentElement.dataset.root;
  const query = document.getElementById("query");
  const found = document.getElementById("found");
  const MOST = 12; // results shown
  const AROUND = 70; // characters before and after the first word found

  // Made of nodes and texts, never of markup: whatever is typed stays a text.
  const make = (name, ...content) => {
    const node = document.createElement(name);
    node.append(...content);
    return node;
  };

  // The index is a script, since a page that was opened as a file may not fetch. It comes with the first search.
  let index;
  const loaded = () => (index ??= new Promise((resolve, reject) => {
    const script = make("script");
    script.src = `${root}assets/search-index.js`;
    script.onload = () => resolve(window.SSVH_INDEX.map(small));
    script.onerror = () => reject(new Error("The search index could not be read."));
    document.head.append(script);
  }));

  const small = (page) => ({
    ...page,
    low: page.title.toLowerCase(),
    sections: page.sections.map(([heading, id, text]) => ({
      heading, id, text, low: text.toLowerCase(), lowHeading: heading.toLowerCase(),
    })),
  });

  const count = (text, word) => text.split(word).length - 1;

  // Every word must occur. Titles count most, then headings; solutions come after the lessons.
  const score = (page, section, words) => {
    let total = 0;
    for (const word of words) {
      const times = count(section.low, word);
      const here = 12 * page.low.includes(word) + 8 * section.lowHeading.includes(word) + Math.min(times, 6);
      if (!here) return 0;
      total += here;
    }
    return page.solution ? total / 4 : total;
  };

  const look = (pages, words) => {
    const all = [];
    for (const page of pages) {
      const hits = page.sections.map((section) => ({ page, section, score: score(page, section, words) }));
      const sum = hits.reduce((total, hit) => total + hit.score, 0);
      const best = hits.filter((hit) => hit.score).sort((one, other) => other.score - one.score).slice(0, 3);
      all.push(...best.map((hit) => ({ ...hit, rank: hit.score + sum / 4 })));
    }
    return all.sort((one, other) => other.rank - one.rank).slice(0, MOST);
  };

  const marked = (text, words) => {
    const pieces = [];
    const low = text.toLowerCase();
    for (let at = 0; at < text.length;) {
      const places = words.map((word) => [low.indexOf(word, at), word.length]).filter(([place]) => place >= 0);
      if (!places.length) { pieces.push(text.slice(at)); break; }
      const [place, length] = places.sort((one, other) => one[0] - other[0] || other[1] - one[1])[0];
      pieces.push(text.slice(at, place), make("mark", text.slice(place, place + length)));
      at = place + length;
    }
    return pieces;
  };

  const around = (section, words) => {
    let first = Math.min(...words.map((word) => section.low.indexOf(word)).filter((place) => place >= 0));
    if (!Number.isFinite(first)) first = 0;  // the words stand in the heading
    const start = first > AROUND ? section.text.lastIndexOf(" ", first - AROUND) + 1 : 0;
    const end = section.text.indexOf(" ", first + AROUND);
    return (start ? "… " : "") + section.text.slice(start, end < 0 ? undefined : end) + (end < 0 ? "" : " …");
  };

  const result = ({ page, section }, words) => {
    const link = make("a");
    link.href = `${root}${page.address}${section.id ? "#" + encodeURIComponent(section.id) : ""}`;
    const title = make("strong", ...marked(page.title, words));
    const heading = section.heading && section.heading !== page.title ? `${section.heading}: ` : "";
    link.append(title, make("span", ...marked(heading + around(section, words), words)));
    return link;
  };

  const show = async () => {
    const asked = query.value;
    const words = asked.toLowerCase().split(/\s+/).filter(Boolean);
    found.hidden = !words.length;
    if (!words.length) return;
    let shown;
    try {
      const hits = look(await loaded(), words);
      shown = hits.length ? hits.map((hit) => result(hit, words)) : [make("p", `Nothing has all of “${asked.trim()}”.`)];
    } catch (error) {
      shown = [make("p", error.message)];
    }
    if (asked === query.value) found.replaceChildren(...shown); // an answer that comes late is not shown
  };

  const close = () => { found.hidden = true; };
  const step = (by) => {
    const stops = [query, ...found.querySelectorAll("a")];
    const next = stops[stops.indexOf(document.activeElement) + by];
    if (next) next.focus();
  };

  query.addEventListener("input", show);
  query.addEventListener("focus", () => { loaded().catch(() => {}); if (query.value) show(); });
  found.addEventListener("click", close);
  document.addEventListener("click", (event) => { if (!event.target.closest(".search")) close(); });
  document.addEventListener("keydown", (event) => {
    const writing = event.target.closest("input, textarea, [contenteditable]");
    if (event.key === "/" && !writing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      query.focus();
      query.select();
    } else if (event.target.closest(".search")) {
      const moves = { ArrowDown: 1, ArrowUp: -1 };
      if (event.key in moves) { event.preventDefault(); step(moves[event.key]); }
      else if (event.key === "Escape") { query.focus(); close(); }
      else if (event.key === "Enter" && event.target === query) found.querySelector("a")?.click();
    }
  });

  for (const block of document.querySelectorAll(".highlight")) {
    const button = make("button", "Copy");
    button.className = "copy";
    button.type = "button";
    button.addEventListener("click", async () => {
      const code = block.querySelector("pre");
      try {
        await navigator.clipboard.writeText(code.textContent.replace(/\n$/, ""));
        button.textContent = "Copied";
      } catch { // not allowed here: mark it, so that one key does it
        getSelection().selectAllChildren(code);
        button.textContent = "Marked";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    block.append(button);
  }

  const links = new Map([...document.querySelectorAll("aside.contents a")].map((link) => [link.hash.slice(1), link]));
  const titles = [...links.keys()].map((id) => document.getElementById(decodeURIComponent(id))).filter(Boolean);
  const follow = () => {
    const passed = titles.filter((title) => title.getBoundingClientRect().top < 120).at(-1);
    for (const [id, link] of links) link.classList.toggle("now", decodeURIComponent(id) === passed?.id);
  };
  if (titles.length) { document.addEventListener("scroll", follow, { passive: true }); follow(); }

  document.querySelector("#menu [aria-current]")?.scrollIntoView({ block: "nearest" });
})();
