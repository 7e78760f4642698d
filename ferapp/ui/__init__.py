"""The pages' parts: the only home of streamlit and plotly."""
