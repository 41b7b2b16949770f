// What the search quotes is in a script (_sphinx/finding.py): read from disk, a page may not fetch the others.
if (location.pathname.endsWith("/search.html")) {
  const script = Object.assign(document.createElement("script"), { src: "_static/excerpts.js" });
  const loaded = new Promise((done) => { script.onload = () => done(EXCERPTS); });
  document.head.append(script);
  const page = (text) => Object.assign(document.createElement("div"), { textContent: text }).innerHTML;
  window.fetch = async (url) => ({ text: async () => `<div role="main">${page((await loaded)[url.replace(/^\.\/|\.html$/g, "")] ?? "…")}</div>` });
}

// Roles that the page generator writes and that screen readers reject or that ARIA 1.2 dropped.
document.addEventListener("DOMContentLoaded", () => {
  for (const node of document.querySelectorAll(".citation-list, .citation, .citation [role]")) node.removeAttribute("role");
  const logo = document.querySelector(".sidebar-primary-items__start > .sidebar-primary-item");
  if (logo) { logo.setAttribute("role", "navigation"); logo.setAttribute("aria-label", "Home"); }
});

// A grid of pictures that scrolls on a phone (book.css) is scrolled by arrow keys, too.
addEventListener("load", () => document.querySelectorAll("figure.pictures").forEach((one) => { if (one.scrollWidth > one.clientWidth) one.tabIndex = 0; }));

// The widget script speaks to MathJax 2, which this book does not have.
document.addEventListener("DOMContentLoaded", () => { if (window.MathJax && !MathJax.Hub) MathJax.Hub = { Queue() {} }; });

// The explorer: the address names what is shown ("#mnist-all-the-queries/gamin-its-own-noise/3"); a left or right arrow goes to the next class, a thumbnail to its own.
(() => {
  const kinds = ["snnmi-data", "snnmi-attack", "snnmi-class"];
  const menu = (kind) => [...document.querySelectorAll(`.snnmi-explorer .${kind} select`)].find((one) => one.getClientRects().length);
  const slug = (text) => text.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
  const choose = (select, index) => {
    if (!select || index < 0 || index >= select.options.length) return;
    select.selectedIndex = index;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const named = (select, name) => [...select.options].findIndex((option) => slug(option.text) === slug(name));
  const open = () => {
    const wanted = decodeURIComponent(location.hash.slice(1)).split("/");
    if (wanted.length !== 3 || named(menu(kinds[0]), wanted[0]) < 0) return;
    kinds.forEach((kind, place) => setTimeout(() => choose(menu(kind), named(menu(kind), wanted[place])), 100 * place));
    setTimeout(() => document.querySelector(".snnmi-explorer").scrollIntoView(), 300);
  };
  const ready = (tries) => menu("snnmi-class") ? start() : tries && setTimeout(ready, 200, tries - 1);
  const mark = () => document.querySelectorAll(".snnmi-explorer .picks button").forEach((one) => one.setAttribute("aria-pressed", [...one.parentNode.children].indexOf(one) === menu("snnmi-class")?.selectedIndex));
  const start = () => {
    const explorer = document.querySelector(".snnmi-explorer");
    blurring(explorer, 0);
    mark();
    open();
    addEventListener("hashchange", open);
    explorer.addEventListener("click", (event) => {
      const pick = event.target.closest(".picks button");
      if (pick) choose(menu("snnmi-class"), [...pick.parentNode.children].indexOf(pick));
    });
    explorer.addEventListener("change", (event) => event.target.matches("select") && setTimeout(() => {
      history.replaceState(null, "", `#${kinds.map((kind) => slug(menu(kind).selectedOptions[0].text)).join("/")}`);
      mark();
    }, 100));
    addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key], box = explorer.getBoundingClientRect();
      if (!step || event.target.closest("select, input, textarea, [role=slider]") || box.bottom < 0 || box.top > innerHeight) return;
      choose(menu("snnmi-class"), menu("snnmi-class").selectedIndex + step);
      event.preventDefault();
    });
  };
  addEventListener("load", () => document.querySelector("script[type='application/vnd.jupyter.widget-view+json']") && ready(100));
})();

// A slider that blurs the pictures in a box.
function blurring(box, value) {
  const label = document.createElement("label"), slider = document.createElement("input");
  Object.assign(slider, { type: "range", min: 0, max: 8, step: 0.5, value });
  slider.addEventListener("input", () => box.style.setProperty("--blur", `${slider.value}px`));
  label.className = "snnmi-blur";
  label.append("Blur ", slider);
  box.prepend(label);
}

// Rows of faces on the first page, and where they come from: they begin blurred (snnmi/show/squint.py).
addEventListener("DOMContentLoaded", () => document.querySelectorAll(".snnmi-squint").forEach((rows) => blurring(rows, 1.5)));

// Films: a button that plays and pauses, by the slider's own keys. What is chosen later comes with its slider later.
addEventListener("load", () => {
  if (!document.querySelector("script[type='application/vnd.jupyter.widget-view+json']")) return;
  const begin = (player) => {
    const button = document.createElement("button"), handle = () => player.querySelector(".noUi-handle");
    let timer = null;
    const press = (key) => handle().dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    const next = () => press(+handle().getAttribute("aria-valuenow") < +handle().getAttribute("aria-valuemax") ? "ArrowRight" : "Home");
    const turn = () => {
      timer = timer ? clearInterval(timer) : setInterval(() => handle() ? next() : turn(), 400);
      button.textContent = timer ? "Pause" : "Play";
    };
    button.className = "snnmi-play";
    button.textContent = "Play";
    button.addEventListener("click", turn);
    handle().setAttribute("aria-label", player.querySelector(".widget-label").textContent);
    player.prepend(button);
  };
  const look = () => document.querySelectorAll(".snnmi-player:not(:has(.snnmi-play))").forEach((player) => player.querySelector(".noUi-handle") && begin(player));
  new MutationObserver(look).observe(document.querySelector("article"), { childList: true, subtree: true });
  look();
});

// Guess who: a drawing after the other, in a new order every time; the reader picks, the machine has picked before.
addEventListener("DOMContentLoaded", () => {
  const game = document.querySelector(".snnmi-guess");
  if (!game) return;
  const drawings = [...game.querySelectorAll("[data-is]")], faces = [...game.querySelectorAll("button")], said = game.querySelector("[role=status]");
  const next = Object.assign(document.createElement("button"), { type: "button", className: "snnmi-play", textContent: "Next drawing" });
  let order = [], shown = null, rounds = 0, yours = 0, machines = 0;
  const show = () => {
    order = order.length ? order : drawings.map((one) => [Math.random(), one]).sort((a, b) => a[0] - b[0]).map((one) => one[1]);
    shown = order.pop();
    drawings.forEach((one) => { one.hidden = one !== shown; });
    faces.forEach((face) => { face.disabled = false; face.className = ""; });
    next.hidden = true;
    said.textContent = "Whose photograph is this drawing most like?";
  };
  faces.forEach((face, place) => face.addEventListener("click", () => {
    const right = +shown.dataset.is, hit = place === right, machine = +shown.dataset.machine;
    rounds += 1; yours += hit; machines += machine === right;
    face.className = "not";
    faces[right].className = "was";
    faces.forEach((one) => { one.disabled = true; });
    said.textContent = `${hit ? "Right" : "No"}: person ${right}, drawn from the ${shown.dataset.of}. The machine says ${machine}. You ${yours}, the machine ${machines} of ${rounds}; by guessing one in ten.`;
    next.hidden = false;
    next.focus();
  }));
  next.addEventListener("click", show);
  said.after(next);
  blurring(game, 2);
  show();
});

// What the page was made with stands with its settings, folded.
document.addEventListener("DOMContentLoaded", () => {
  const settings = document.querySelector(".cell.tag_parameters details"), given = document.querySelector(".cell.tag_injected-parameters");
  if (settings && given) settings.append(given);
});

// An open cell's copy brings the code folded since the open one before it: pasted in the page's order, they run.
addEventListener("load", () => {
  let folded = "";
  for (const code of document.querySelectorAll("article .cell_input pre")) {
    if (code.closest(".cell").matches(".tag_claim")) continue;  // looked at by the book, needed by no other cell
    if (code.closest("details")) { folded += code.textContent + "\n"; continue; }
    code.prepend(Object.assign(document.createElement("span"), { hidden: true, textContent: folded }));
    code.parentNode.querySelector(".copybtn")?.setAttribute("data-tooltip", folded ? "Copy, with what is folded above it" : "Copy");
    folded = "";
  }
});

// Settings of one's own are said below the title.
document.addEventListener("DOMContentLoaded", () => {
  const note = document.querySelector(".own-settings");
  if (note) document.querySelector("article h1").after(note);
});

// A claim of another page's: its mark leads to the code that checked it (_sphinx/finding.py), which is open there.
document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-checked] > .claim-mark").forEach((mark) => {
  const link = Object.assign(document.createElement("a"), { href: mark.parentNode.dataset.checked, title: `${mark.title} Here is the code.` });
  link.setAttribute("aria-label", `${mark.title} Here is the code.`);
  mark.replaceWith(link);
  link.append(mark);
  mark.removeAttribute("tabindex");
  mark.removeAttribute("title");
}));
addEventListener("load", () => {
  const name = location.hash.slice(1), claims = [...document.querySelectorAll(".cell.tag_claim details")];
  const code = name && claims.find((one) => one.textContent.includes(`def ${name}(`));
  if (!code) return;
  const mark = document.querySelector(`[data-claim="${name}"] > .claim-mark`);
  if (mark) mark.click(); else code.open = true;
  (mark ?? code).scrollIntoView({ block: "center" });
});

// On a phone a grid of pictures that is wider than the page says so.
addEventListener("load", () => document.querySelectorAll("figure.pictures").forEach((grid) => {
  grid.classList.toggle("wide", grid.scrollWidth > grid.clientWidth + 1);
}));

// A claim's mark opens the code that checked it, below the sentence; until then nothing of it is seen.
document.addEventListener("DOMContentLoaded", () => {
  for (const code of document.querySelectorAll(".cell.tag_claim details")) {
    const names = [...code.textContent.matchAll(/@pages\.claim\s+def (\w+)/g)].map((found) => found[1]);
    const marks = names.flatMap((name) => [...document.querySelectorAll(`[data-claim="${name}"] > .claim-mark`)]);
    if (!marks.length) {  // of another page's sentence, which leads here
      code.closest(".cell").classList.add("of-another-page");
      continue;
    }
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
