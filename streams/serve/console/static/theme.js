// Applies the chosen theme before the page is painted.
"use strict";
const chosenTheme = localStorage.getItem("theme");
if (chosenTheme) document.documentElement.dataset.theme = chosenTheme;
