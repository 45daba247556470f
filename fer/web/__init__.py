"""A page in the browser that answers photos, a camera and clips: `fer web`. It needs Gradio."""
