/** Ways from the widget to other places of the form it stands in. */

const nextFrame = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));

const visible = (form, selector) => [...form.querySelectorAll(selector)].find((element) => element.offsetParent);

/** Put the cursor into a field; if it is on another page of the notebook, open that one. */
export async function goToField(form, name) {
    const selector = `.o_field_widget[name="${CSS.escape(name)}"] :is(input, textarea, select)`;
    const pages = [...form.querySelectorAll(".o_notebook_headers .nav-link")];
    const open = pages.find((page) => page.classList.contains("active"));
    let field = visible(form, selector);
    for (const page of pages) {
        if (field) {
            break;
        }
        page.click();
        await nextFrame();
        field = visible(form, selector);
    }
    if (!field) {
        open?.click();
        return false;
    }
    field.scrollIntoView({ block: "center" });
    field.focus();
    return true;
}

/** Show what was written and done: messages and activities. */
export function goToChatter(form) {
    const chatter = visible(form, ".o-mail-Chatter") || visible(document, ".o-mail-Chatter");
    if (chatter) {
        chatter.scrollIntoView({ block: "start" });
        chatter.querySelector("button")?.focus({ preventScroll: true });
    }
    return Boolean(chatter);
}

/** Open the box for a message to the customer. */
export function writeMessage(form) {
    const button =
        visible(form, ".o-mail-Chatter-sendMessage") || visible(document, ".o-mail-Chatter-sendMessage");
    button?.scrollIntoView({ block: "center" });
    button?.click();
    return Boolean(button);
}
