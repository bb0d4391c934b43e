/* "Notify me when it is back" for a product page:

   <div data-notify-me data-product-id="P-1" data-variant-id="V-2"></div>
   <script src="https://events.shop.example/notify_me.js" defer></script>

   Words and looks can be changed with data-label, data-button, data-thanks, data-problem and CSS on .notify-me. */
(() => {
  const endpoint = new URL("/v1/back-in-stock", document.currentScript.src);

  const element = (name, properties, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };

  const show = (place) => {
    const { productId, variantId, label, button, thanks, problem } = place.dataset;
    const email = element("input", {
      type: "email", name: "email", autocomplete: "email", required: true, maxLength: 254,
    });
    const words = label || "Tell me when this is back (one e-mail, nothing else)";
    const submit = element("button", { textContent: button || "Notify me" });
    const status = element("p", { role: "status" });
    const form = element("form", { className: "notify-me" }, element("label", {}, words, " ", email), submit, status);

    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      submit.disabled = true;
      try {
        const answer = await fetch(endpoint, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          credentials: "omit",
          body: JSON.stringify({ product_id: productId, variant_id: variantId, email: email.value }),
        });
        if (!answer.ok) throw new Error(String(answer.status));
        form.replaceChildren(status);
        status.textContent = thanks || "We will let you know.";
      } catch {
        submit.disabled = false;
        status.textContent = problem || "That did not work. Please check the address and try again.";
      }
    });
    place.replaceChildren(form);
  };

  document.querySelectorAll("[data-notify-me]").forEach(show);
})();
