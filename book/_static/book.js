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
