"""Results as escaped HTML or plotly figures. Nothing here computes; nothing here knows Streamlit."""
