/** Shows the notifications of a tray by the system, each once, and takes away those that left the tray. */
function deviceNotices({ opened, failed }) {
  const shown = new Map();

  const show = ({ id, title, body, tag }) => {
    try {
      const notice = new Notification(title, { body, tag });
      notice.addEventListener("click", () => {
        window.focus();
        notice.close();
        opened(id);
      });
      shown.set(id, notice);
    } catch (error) {
      failed(error.message); // Android's browsers leave them to service workers
    }
  };
  return {
    update(tray) {
      const wanted = new Set(tray.map(({ id }) => id));
      for (const [id, notice] of shown) {
        if (wanted.has(id)) continue;
        notice.close(); // before a newer one of the same tag is shown, which it would take along
        shown.delete(id);
      }
      for (const notice of tray) if (!shown.has(notice.id)) show(notice);
    },
  };
}
