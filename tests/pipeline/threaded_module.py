"""To import this starts a thread that stays."""

import threading

threading.Thread(target=threading.Event().wait, daemon=True).start()
