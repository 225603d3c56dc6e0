"""`streamlit run app.py`, or `make app`: the server, and the home page.

Streamlit imports this file once to find the server in it (`app`), and runs it as a script (`__main__`) for each visit of the home page; the
other pages are the files in pages/. Tests run it as a script too.
"""

import streamlit as st

if __name__ == "__main__":
    from pages.parts.home import page

    page.show()
else:
    from pages.parts.serving import start

    app = st.App(__file__, **start.options())
