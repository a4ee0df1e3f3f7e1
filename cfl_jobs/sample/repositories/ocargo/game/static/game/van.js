document.querySelector("img").addEventListener("click", (event) => {
  event.target.style.transform = "translateX(1rem)";
});
