// Read from disk, a page may not fetch the others, so the search shows titles without excerpts.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// Roles that the page generator writes and that screen readers reject or that ARIA 1.2 dropped.
document.addEventListener("DOMContentLoaded", () => {
  for (const node of document.querySelectorAll(".citation-list, .citation, .citation [role]")) node.removeAttribute("role");
  const logo = document.querySelector(".sidebar-primary-items__start > .sidebar-primary-item");
  if (logo) { logo.setAttribute("role", "navigation"); logo.setAttribute("aria-label", "Home"); }
});

// The widget script speaks to MathJax 2, which this book does not have.
document.addEventListener("DOMContentLoaded", () => { if (window.MathJax && !MathJax.Hub) MathJax.Hub = { Queue() {} }; });

// The explorer: the address names the class that is shown ("#mnist-all-the-queries/3"), and a left or right arrow goes to the next.
(() => {
  const menu = (kind) => [...document.querySelectorAll(`.snnmi-explorer .${kind} select`)].find((one) => one.getClientRects().length);
  const slug = (text) => text.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
  const choose = (select, index) => {
    if (!select || index < 0 || index >= select.options.length) return;
    select.selectedIndex = index;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const named = (select, name) => [...select.options].findIndex((option) => slug(option.text) === name);
  const open = () => {
    const [data, label] = decodeURIComponent(location.hash.slice(1)).split("/");
    if (!label || named(menu("snnmi-data"), data) < 0) return;
    choose(menu("snnmi-data"), named(menu("snnmi-data"), data));
    setTimeout(() => {
      choose(menu("snnmi-class"), named(menu("snnmi-class"), slug(label)));
      document.querySelector(".snnmi-explorer").scrollIntoView();
    }, 100);
  };
  const ready = (tries) => menu("snnmi-class") ? start() : tries && setTimeout(ready, 200, tries - 1);
  const label = () => document.querySelectorAll(".snnmi-explorer .noUi-handle").forEach((one) => one.setAttribute("aria-label", "moment of the attack"));
  const start = () => {
    label();
    new MutationObserver(label).observe(document.querySelector(".snnmi-explorer"), { childList: true, subtree: true });
    open();
    addEventListener("hashchange", open);
    document.querySelector(".snnmi-explorer").addEventListener("change", () => setTimeout(() => {
      const [data, label] = [menu("snnmi-data"), menu("snnmi-class")].map((one) => slug(one.selectedOptions[0].text));
      history.replaceState(null, "", `#${data}/${label}`);
    }, 100));
    addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key], box = document.querySelector(".snnmi-explorer").getBoundingClientRect();
      if (!step || event.target.closest("select, input, textarea, [role=slider]") || box.bottom < 0 || box.top > innerHeight) return;
      choose(menu("snnmi-class"), menu("snnmi-class").selectedIndex + step);
      event.preventDefault();
    });
  };
  addEventListener("load", () => document.querySelector("script[type='application/vnd.jupyter.widget-view+json']") && ready(100));
})();

// Films: a button that plays and pauses, by the slider's own keys.
addEventListener("load", () => {
  if (!document.querySelector("script[type='application/vnd.jupyter.widget-view+json']")) return;
  const begin = (player) => {
    const button = document.createElement("button"), handle = () => player.querySelector(".noUi-handle");
    let timer = null;
    const press = (key) => handle().dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    const next = () => press(+handle().getAttribute("aria-valuenow") < +handle().getAttribute("aria-valuemax") ? "ArrowRight" : "Home");
    const turn = () => {
      timer = timer ? clearInterval(timer) : setInterval(next, 400);
      button.textContent = timer ? "Pause" : "Play";
    };
    button.className = "snnmi-play";
    button.textContent = "Play";
    button.addEventListener("click", turn);
    handle().setAttribute("aria-label", "bin");
    player.prepend(button);
  };
  const look = (tries) => {
    const found = [...document.querySelectorAll(".snnmi-player")].filter((player) => player.querySelector(".noUi-handle"));
    if (found.length) found.forEach(begin); else if (tries) setTimeout(look, 200, tries - 1);
  };
  look(100);
});

// What the page was made with stands with its settings, folded.
document.addEventListener("DOMContentLoaded", () => {
  const settings = document.querySelector(".cell.tag_parameters details"), given = document.querySelector(".cell.tag_injected-parameters");
  if (settings && given) settings.append(given);
});

// Settings of one's own are said below the title.
document.addEventListener("DOMContentLoaded", () => {
  const note = document.querySelector(".own-settings");
  if (note) document.querySelector("article h1").after(note);
});

// A claim's mark opens the code that checked it, below the sentence; until then nothing of it is seen.
document.addEventListener("DOMContentLoaded", () => {
  for (const code of document.querySelectorAll(".cell.tag_claim details")) {
    const names = [...code.textContent.matchAll(/@pages\.claim\s+def (\w+)/g)].map((found) => found[1]);
    const marks = names.flatMap((name) => [...document.querySelectorAll(`[data-claim="${name}"] > .claim-mark`)]);
    if (!marks.length) continue;
    const show = (open) => {
      code.hidden = !(code.open = open);
      for (const mark of marks) mark.setAttribute("aria-expanded", open);
    };
    code.closest(".cell").classList.add("by-its-mark");
    code.addEventListener("toggle", () => show(code.open));
    for (const mark of marks) {
      const turn = (event) => {
        mark.closest("p, figcaption, .output").after(code);
        show(!code.open);
        event.preventDefault();
      };
      mark.setAttribute("role", "button");
      mark.setAttribute("aria-label", `${mark.getAttribute("aria-label")} Show the code that checks it.`);
      mark.title = mark.getAttribute("aria-label");
      mark.addEventListener("click", turn);
      mark.addEventListener("keydown", (event) => (event.key === "Enter" || event.key === " ") && turn(event));
    }
    show(false);
  }
});
