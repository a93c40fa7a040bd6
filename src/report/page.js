"use strict";
(() => {
  const form = document.querySelector(".tools");
  const search = form.querySelector("input[type=search]");
  const boxes = [...form.querySelectorAll("input[type=checkbox]")];
  const said = form.querySelector("output");
  const people = [...document.querySelectorAll("article")].map((article) => ({
    article, group: article.parentElement, text: article.textContent.toLowerCase(),
  }));
  if (people.length === 0) return;
  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    const seen = new Set();
    let count = 0;
    for (const { article, group, text } of people) {
      const fits = shown.has(group.id) && words.every((word) => text.includes(word));
      article.hidden = !fits;
      if (fits) { seen.add(group); count += 1; }
    }
    for (const group of document.querySelectorAll("main > section")) group.hidden = !seen.has(group);
    said.textContent = count === people.length ? "" : `${count} of ${people.length} shown`;
  };
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", show);
  form.hidden = false;
})();
